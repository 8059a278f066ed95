import { randomBytes } from 'node:crypto'
import { open, readFile, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Signal } from './otlp-endpoint.ts'
import type { OtlpRequest, RequestDescription } from './request.ts'

/** The facts in a file's name: a folder is listed without opening its files. */
export interface RequestFile {
  readonly path: string
  readonly signal: Signal
  readonly items: number
  readonly time: number
  /** Approximate bytes on disk, in whole blocks: a bound on them also bounds the number of files. */
  readonly size: number
}

const NAME = /^(\d+)-(metrics|traces|logs)-(\d+)-(\d+)-[0-9a-f]{12}\.body$/

export function requestFile(folder: string, name: string): RequestFile | undefined {
  const match = NAME.exec(name)
  if (!match) return undefined
  const [, time, signal, items, bytes] = match as unknown as [string, string, Signal, string, string]
  return {
    path: join(folder, name),
    signal,
    items: Number(items),
    time: Number(time),
    size: sizeOnDisk(Number(bytes)),
  }
}

/** Bytes on disk of the file of a request with this number of bytes. */
export function sizeOnDisk(bytes: number): number {
  return Math.ceil((bytes + DESCRIPTION_BYTES) / BLOCK_BYTES) * BLOCK_BYTES
}

const BLOCK_BYTES = 4096
const DESCRIPTION_BYTES = 256

/**
 * Writes a request as a whole or not at all, also if the power fails: a line of JSON that describes it, then the bytes as
 * sent. Credentials are not in it: they are added at each sending. `items` is the number of items that the file is kept
 * for, which may be less than the request's.
 */
export async function writeRequestFile(
  folder: string,
  request: OtlpRequest,
  remark: object = {},
  items = request.items,
): Promise<RequestFile> {
  const { bytes, ...description } = request
  const name = [
    request.time,
    request.signal,
    items,
    bytes.length,
    `${randomBytes(6).toString('hex')}.body`,
  ].join('-')
  const path = join(folder, name)
  const unfinished = `${path}.tmp`
  try {
    const file = await open(unfinished, 'wx')
    try {
      await file.writeFile(`${JSON.stringify({ ...description, length: bytes.length, ...remark })}\n`)
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (error) {
    await unlink(unfinished).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
  return requestFile(folder, name) as RequestFile
}

/** Throws if the file is gone (ENOENT), or was not written by {@link writeRequestFile}. */
export async function readRequestFile(path: string): Promise<OtlpRequest> {
  const content = await readFile(path)
  const end = content.indexOf('\n')
  const { signal, protocol, compression, items, time, length } = JSON.parse(
    content.toString('utf8', 0, end),
  ) as RequestDescription & { length: number }
  const bytes = content.subarray(end + 1)
  if (bytes.length !== length) throw new Error(`${path} holds ${bytes.length} bytes instead of ${length}`)
  return { signal, protocol, compression, items, time, bytes }
}

/** Makes a rename last. Where folders cannot be opened (Windows), the file system does that. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

import { createHash } from 'node:crypto'
import { readdir, readFile, rename, rmdir, stat, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FolderLock, lockFolder } from './folder-lock.ts'
import type { OtlpRequest } from './request.ts'
import { type RequestFile, requestFile, sizeOnDisk, writeRequestFile } from './request-file.ts'

const LAST_SECOND = 'last-second'
const PREFIX = 'instance-'

/** Time for the former process of the same name to end: it may still be sending its last interval. */
const SUCCESSION_MS = 10_000

export interface SpoolOptions {
  readonly directory: string
  readonly instanceId: string
  readonly maxBytes: number
  /** Ends the waiting for the former process of the name. */
  readonly signal?: AbortSignal
}

export class SpoolFull extends Error {}

/**
 * A folder of waiting requests, one for each `service.instance.id`, in the telemetry directory. It belongs to one process
 * at a time. Any process takes over the requests of a dead one.
 */
export class Spool {
  readonly #directory: string
  readonly #folder: string
  #lock: FolderLock
  #relocking: Promise<void> | undefined
  readonly #maxBytes: number
  #bytes = 0
  readonly #removals = new Set<Promise<void>>()
  /** Whether another live process has the same name. */
  readonly isShared: boolean

  private constructor(options: SpoolOptions, folder: string, lock: FolderLock, isShared: boolean) {
    this.#directory = options.directory
    this.#maxBytes = options.maxBytes
    this.#folder = folder
    this.#lock = lock
    this.isShared = isShared
  }

  /** Throws if the folder cannot be written. Waits for a live process of the same name, within a limit. */
  static async open(options: SpoolOptions, successionMs = SUCCESSION_MS): Promise<Spool> {
    const folder = join(options.directory, PREFIX + folderName(options.instanceId))
    const deadline = performance.now() + successionMs
    for (;;) {
      const lock = await lockFolder(folder)
      if (lock) return new Spool(options, folder, lock, false)
      if (performance.now() >= deadline || options.signal?.aborted) break
      await sleep(Math.min(250, successionMs), undefined, options).catch(() => {})
    }
    const besides = `${folder}~${process.pid}`
    const lock = await lockFolder(besides)
    if (!lock) throw new Error(`${besides} belongs to another process`)
    return new Spool(options, besides, lock, true)
  }

  /** The requests of an earlier process of this name, oldest first. */
  async restore(): Promise<RequestFile[]> {
    const names = await readdir(this.#folder)
    for (const name of names)
      if (name.endsWith('.tmp')) await unlink(join(this.#folder, name)).catch(() => {})
    return this.#listed(names)
  }

  /** The requests of dead processes, moved into this folder, oldest first. */
  async adopt(): Promise<RequestFile[]> {
    const adopted: string[] = []
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const folder = join(this.#directory, name)
      if (name.startsWith(PREFIX) && folder !== this.#folder) adopted.push(...(await this.#moveFrom(folder)))
    }
    return this.#listed(adopted)
  }

  /** Throws {@link SpoolFull} at the bound, and errors of the file system. */
  async write(request: OtlpRequest): Promise<RequestFile> {
    // Counted before the write: several are written at once.
    const size = sizeOnDisk(request.bytes.length)
    if (this.#bytes + size > this.#maxBytes) throw new SpoolFull(`${this.#folder} holds ${this.#bytes} bytes`)
    this.#bytes += size
    try {
      return await this.#inFolder(() => writeRequestFile(this.#folder, request))
    } catch (error) {
      this.#bytes -= size
      throw error
    }
  }

  async remove({ path, size }: RequestFile): Promise<void> {
    this.#bytes -= size
    const removal = unlink(path).catch(() => {})
    this.#removals.add(removal)
    await removal
    this.#removals.delete(removal)
  }

  /** Stores the last second with the end of an interval of this name. */
  async lastSecond(): Promise<number | undefined> {
    const second = Number(await readFile(join(this.#folder, LAST_SECOND), 'utf8').catch(() => Number.NaN))
    return Number.isSafeInteger(second) ? second : undefined
  }

  /** Not synced: a machine without power is not back within the second. */
  async rememberSecond(second: number): Promise<void> {
    const path = join(this.#folder, LAST_SECOND)
    await this.#inFolder(() => writeFile(`${path}.tmp`, String(second)))
    await rename(`${path}.tmp`, path)
  }

  /** Also waits for removals: a remaining file would be sent once more. */
  async release(): Promise<void> {
    await Promise.all(this.#removals)
    this.#lock.release()
  }

  /** Tries once more if the folder was removed: it is made and locked anew. */
  async #inFolder<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      this.#relocking ??= this.#relock().finally(() => {
        this.#relocking = undefined
      })
      await this.#relocking
      return write()
    }
  }

  async #relock(): Promise<void> {
    const lock = await lockFolder(this.#folder)
    // Another write has made it already.
    if (!lock) return
    this.#lock.release()
    this.#lock = lock
  }

  async #moveFrom(folder: string): Promise<string[]> {
    const lock = await lockFolder(folder).catch(() => undefined)
    if (!lock) return []
    const moved: string[] = []
    for (const name of await readdir(folder).catch(() => [])) {
      if (name.endsWith('.tmp')) await unlink(join(folder, name)).catch(() => {})
      if (!requestFile(folder, name)) continue
      const isMoved = await rename(join(folder, name), join(this.#folder, name)).then(
        () => true,
        () => false,
      )
      if (isMoved) moved.push(name)
    }
    await forget(folder, lock)
    return moved
  }

  #listed(names: readonly string[]): RequestFile[] {
    const files = names.map((name) => requestFile(this.#folder, name)).filter((file) => file !== undefined)
    for (const { size } of files) this.#bytes += size
    return files.sort((a, b) => a.time - b.time || (basename(a.path) < basename(b.path) ? -1 : 1))
  }
}

/** An empty folder is removed when its last second no longer matters to a process of the same name. */
async function forget(folder: string, lock: FolderLock): Promise<void> {
  const path = join(folder, LAST_SECOND)
  const { mtimeMs } = await stat(path).catch(() => stat(folder).catch(() => ({ mtimeMs: Date.now() })))
  if (Date.now() - mtimeMs < FORGET_MS) return lock.release()
  await unlink(path).catch(() => {})
  await lock.remove()
  await rmdir(folder).catch(() => {})
}

const FORGET_MS = 2 * 3_600_000

/** A name for a folder on any file system. */
function folderName(instanceId: string): string {
  const name = encodeURIComponent(instanceId).replaceAll('*', '%2A')
  return name.length <= 120 ? name : createHash('sha256').update(instanceId).digest('hex')
}

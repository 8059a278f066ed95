import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { OtlpEndpoint, Signal } from './otlp-endpoint.ts'
import { type Part, partsOf, splitRequest } from './split.ts'

/** One OTLP request, serialised once: the same bytes are sent each time. */
export interface OtlpRequest {
  readonly signal: Signal
  readonly protocol: OtlpEndpoint['protocol']
  readonly compression: OtlpEndpoint['compression']
  readonly bytes: Buffer
  /** Data points, spans or log records. */
  readonly items: number
  /** Time of its data, in milliseconds since the epoch: the end of a metric interval. */
  readonly time: number
}

export type RequestDescription = Omit<OtlpRequest, 'bytes'>

const compress = promisify(gzip)
const expand = promisify(gunzip)

/** Splits a request above `maxBytes` (before compression) between items, then compresses each part once. */
export async function makeRequests(
  description: RequestDescription,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<OtlpRequest[]> {
  const whole = {
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    items: description.items,
  }
  const parts = await fit(whole, description, maxBytes)
  return Promise.all(
    parts.map(async (part) => ({
      ...description,
      items: part.items,
      bytes: description.compression === 'gzip' ? await compress(part.bytes) : part.bytes,
    })),
  )
}

/** Two halves by items. Undefined for a single item. */
export async function halve(request: OtlpRequest): Promise<OtlpRequest[] | undefined> {
  if (request.items < 2) return undefined
  const { bytes, ...description } = request
  const plain = request.compression === 'gzip' ? await expand(bytes) : bytes
  const halves = splitRequest(plain, request.signal, request.protocol, request.items, 2)
  if (halves.length < 2) return undefined
  const made = await Promise.all(
    halves.map((half) =>
      makeRequests({ ...description, items: half.items }, half.bytes, Number.POSITIVE_INFINITY),
    ),
  )
  return made.flat()
}

/** In turns of the event loop: the service answers requests while a large interval is split. */
async function fit(
  whole: Part,
  { signal, protocol }: Pick<RequestDescription, 'signal' | 'protocol'>,
  maxBytes: number,
): Promise<Part[]> {
  if (whole.bytes.length <= maxBytes || whole.items < 2) return [whole]
  const fitting: Part[] = []
  // Items differ in size, so a part may still be too large; each round at least halves the items.
  const parts = Math.min(whole.items, Math.ceil(whole.bytes.length / maxBytes) + 1)
  for (const part of partsOf(whole.bytes, signal, protocol, whole.items, parts)) {
    if (part.items === whole.items) return [whole]
    await nextTurn()
    fitting.push(...(await fit(part, { signal, protocol }, maxBytes)))
  }
  return fitting
}

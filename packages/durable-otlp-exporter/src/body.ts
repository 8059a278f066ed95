import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { OtlpSettings, Signal } from './otlp-settings.ts'
import { type Part, partsOf, splitRequest } from './split.ts'

/** One OTLP request, made once: whatever becomes of it, these are the bytes that are sent, each time. */
export interface Body {
  readonly signal: Signal
  readonly protocol: OtlpSettings['protocol']
  readonly compression: OtlpSettings['compression']
  readonly bytes: Buffer
  /** Data points, spans or log records. */
  readonly items: number
  /** When what it tells happened, in milliseconds since the epoch: the end of a metric interval. */
  readonly time: number
}

export type BodyDescription = Omit<Body, 'bytes'>

const compress = promisify(gzip)
const expand = promisify(gunzip)

/** Splits what is larger than `maxBytes` (before compression) between items, then compresses each part once. */
export async function makeBodies(
  description: BodyDescription,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<Body[]> {
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

/** Two halves by items, or undefined where there is only one item. */
export async function halve(body: Body): Promise<Body[] | undefined> {
  if (body.items < 2) return undefined
  const { bytes, ...description } = body
  const plain = body.compression === 'gzip' ? await expand(bytes) : bytes
  const halves = splitRequest(plain, body.signal, body.protocol, body.items, 2)
  if (halves.length < 2) return undefined
  const made = await Promise.all(
    halves.map((half) =>
      makeBodies({ ...description, items: half.items }, half.bytes, Number.POSITIVE_INFINITY),
    ),
  )
  return made.flat()
}

/** In turns of the event loop: requests are answered while a large interval is taken apart. */
async function fit(
  whole: Part,
  { signal, protocol }: Pick<BodyDescription, 'signal' | 'protocol'>,
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

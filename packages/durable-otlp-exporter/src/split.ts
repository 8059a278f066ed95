import type { OtlpEndpoint, Signal } from './otlp-endpoint.ts'

export interface Part {
  readonly bytes: Buffer
  readonly items: number
}

/**
 * Takes an OTLP request apart between its items (data points, spans, log records), by its bytes: each part repeats
 * resource, scope and the description of its metrics, and no item is read or written anew. So requests from an earlier
 * process can be split as well. Returns the items in up to `parts` requests, in order, none of them empty.
 */
export function splitRequest(...request: Parameters<typeof partsOf>): Part[] {
  return [...partsOf(...request)]
}

/** As {@link splitRequest}, one part at a time: each pass over the whole request takes a while. */
export function* partsOf(
  bytes: Buffer,
  signal: Signal,
  protocol: OtlpEndpoint['protocol'],
  items: number,
  parts: number,
): Generator<Part> {
  const read = protocol === 'http/json' ? JSON.parse(bytes.toString('utf8')) : undefined
  for (let part = 0; part < parts; part++) {
    const range = {
      from: Math.floor((part * items) / parts),
      // The last part takes all remaining items, even above the given number.
      to: part === parts - 1 ? Number.POSITIVE_INFINITY : Math.floor(((part + 1) * items) / parts),
      next: 0,
      kept: 0,
    }
    const picked =
      read === undefined ? pickBytes(bytes, FIELDS[signal], range) : pickJson(read, KEYS[signal], range)
    if (picked !== undefined)
      yield {
        bytes: Buffer.isBuffer(picked) ? picked : Buffer.from(JSON.stringify(picked)),
        items: range.kept,
      }
  }
}

interface Range {
  readonly from: number
  readonly to: number
  /** Index of the next item. */
  next: number
  kept: number
}

/** The path to the items, by field numbers (opentelemetry-proto v1). A metric's data is one of several kinds. */
const FIELDS: Record<Signal, readonly (readonly number[])[]> = {
  metrics: [[1], [2], [2], [5, 7, 9, 10, 11], [1]],
  traces: [[1], [2], [2]],
  logs: [[1], [2], [2]],
}

/** The same path by names. */
const KEYS: Record<Signal, readonly (readonly string[])[]> = {
  metrics: [
    ['resourceMetrics'],
    ['scopeMetrics'],
    ['metrics'],
    ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'],
    ['dataPoints'],
  ],
  traces: [['resourceSpans'], ['scopeSpans'], ['spans']],
  logs: [['resourceLogs'], ['scopeLogs'], ['logRecords']],
}

function isKept(range: Range): boolean {
  const index = range.next++
  const kept = index >= range.from && index < range.to
  if (kept) range.kept += 1
  return kept
}

/** The message with only the items of the range. Undefined if none is left. */
function pickBytes(message: Buffer, [fields = [], ...deeper]: readonly (readonly number[])[], range: Range) {
  const before = range.kept
  const kept: Buffer[] = []
  for (const { start, end, field, content } of readFields(message)) {
    if (content === undefined || !fields.includes(field)) kept.push(message.subarray(start, end))
    else if (deeper.length === 0) {
      if (isKept(range)) kept.push(message.subarray(start, end))
    } else {
      const inner = pickBytes(content, deeper, range)
      if (inner) kept.push(writeVarint(field * 8 + 2), writeVarint(inner.length), inner)
    }
  }
  return range.kept > before ? Buffer.concat(kept) : undefined
}

interface Field {
  start: number
  end: number
  field: number
  /** The content of a length-delimited field. */
  content: Buffer | undefined
}

function* readFields(message: Buffer): Generator<Field> {
  let at = 0
  while (at < message.length) {
    const start = at
    const tag = readVarint(message, at)
    at = tag.end
    const wireType = tag.value % 8
    let content: Buffer | undefined
    if (wireType === 0) at = readVarint(message, at).end
    else if (wireType === 1) at += 8
    else if (wireType === 5) at += 4
    else if (wireType === 2) {
      const length = readVarint(message, at)
      at = length.end + length.value
      content = message.subarray(length.end, at)
    } else throw new Error(`not an OTLP message: wire type ${wireType}`)
    if (at > message.length) throw new Error('not an OTLP message: it ends within a field')
    yield { start, end: at, field: Math.floor(tag.value / 8), content }
  }
}

function readVarint(message: Buffer, from: number): { value: number; end: number } {
  let value = 0
  for (let at = from, factor = 1; at < message.length; at++, factor *= 128) {
    const byte = message[at] as number
    value += (byte & 127) * factor
    if (byte < 128) return { value, end: at + 1 }
  }
  throw new Error('not an OTLP message: it ends within a number')
}

function writeVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}

type Json = Record<string, unknown>

function pickJson(
  message: Json,
  [keys = [], ...deeper]: readonly (readonly string[])[],
  range: Range,
): Json | undefined {
  const before = range.kept
  const picked: Json = {}
  for (const [key, value] of Object.entries(message)) {
    if (!keys.includes(key)) picked[key] = value
    else if (deeper.length === 0) picked[key] = (value as Json[]).filter(() => isKept(range))
    else if (Array.isArray(value))
      picked[key] = value
        .map((inner) => pickJson(inner, deeper, range))
        .filter((inner) => inner !== undefined)
    else picked[key] = pickJson(value as Json, deeper, range)
  }
  return range.kept > before ? picked : undefined
}

import type { Encoding, Signal } from './decode.ts'

/** The items that a receiver refused of a request that it took: the sender must not send them again. */
export interface PartialSuccess {
  /** Refused data points, spans or log records. With 0 the message is a warning. */
  readonly rejected: number
  readonly message: string
}

export interface EncodedResponse {
  readonly contentType: string
  readonly body: Buffer
}

const CONTENT_TYPES = { protobuf: 'application/x-protobuf', json: 'application/json' } as const
const REJECTED = {
  metrics: 'rejectedDataPoints',
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
} as const

/**
 * ExportMetricsServiceResponse and its like (opentelemetry/proto/collector): partial_success = 1, in it rejected_… = 1
 * and error_message = 2, the same numbers for each signal.
 */
export function exportResponse(
  signal: Signal,
  encoding: Encoding,
  partialSuccess?: PartialSuccess,
): EncodedResponse {
  const contentType = CONTENT_TYPES[encoding]
  if (partialSuccess === undefined) return { contentType, body: Buffer.from(encoding === 'json' ? '{}' : '') }
  const { rejected, message } = partialSuccess
  if (encoding === 'json') {
    const members = { [REJECTED[signal]]: String(rejected), errorMessage: message }
    return { contentType, body: Buffer.from(JSON.stringify({ partialSuccess: members })) }
  }
  const members = Buffer.concat([
    varint((1 << 3) | 0),
    varint(rejected),
    varint((2 << 3) | 2),
    lengthDelimited(Buffer.from(message)),
  ])
  return { contentType, body: Buffer.concat([varint((1 << 3) | 2), lengthDelimited(members)]) }
}

/** google.rpc.Status, which OTLP/HTTP requires with every 4xx and 5xx: message = 2. */
export function failureResponse(encoding: Encoding, message: string): EncodedResponse {
  const contentType = CONTENT_TYPES[encoding]
  if (encoding === 'json') return { contentType, body: Buffer.from(JSON.stringify({ message })) }
  return {
    contentType,
    body: Buffer.concat([varint((2 << 3) | 2), lengthDelimited(Buffer.from(message))]),
  }
}

function lengthDelimited(bytes: Buffer): Buffer {
  return Buffer.concat([varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}

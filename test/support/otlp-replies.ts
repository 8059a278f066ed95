import type { Reply } from './answering-server.ts'
import type { Signal } from './flat-telemetry.ts'
import { otlp } from './otlp-messages.ts'
import type { Encoding } from './protobuf.ts'

/** What a receiver did not take of a request that it otherwise took: the sender must not send it again. */
export interface PartialSuccess {
  /** Data points, spans or log records. */
  readonly rejected: number
  readonly message: string
}

const RESPONSES = {
  metrics: ['ExportMetricsServiceResponse', 'rejectedDataPoints'],
  traces: ['ExportTraceServiceResponse', 'rejectedSpans'],
  logs: ['ExportLogsServiceResponse', 'rejectedLogRecords'],
} as const

export function exportReply(signal: Signal, encoding: Encoding, partial?: PartialSuccess): Required<Reply> {
  const [response, rejected] = RESPONSES[signal]
  const partialSuccess = partial && { [rejected]: String(partial.rejected), errorMessage: partial.message }
  return reply(200, response, encoding, partial ? { partialSuccess } : {})
}

/** OTLP/HTTP asks for a google.rpc.Status with every 4xx and 5xx. */
export function refusalReply(status: number, encoding: Encoding, message: string): Required<Reply> {
  return reply(status, 'RpcStatus', encoding, { message })
}

function reply(
  status: number,
  name: Parameters<typeof otlp.write>[0],
  encoding: Encoding,
  fields: object,
): Required<Reply> {
  return encoding === 'json'
    ? { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) }
    : { status, headers: { 'content-type': 'application/x-protobuf' }, body: otlp.write(name, fields) }
}

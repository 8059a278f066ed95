import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import type { OtlpEndpoint, Signal } from './otlp-endpoint.ts'

export const FORMATS = {
  metrics: { 'http/json': JsonMetricsSerializer, 'http/protobuf': ProtobufMetricsSerializer },
  traces: { 'http/json': JsonTraceSerializer, 'http/protobuf': ProtobufTraceSerializer },
  logs: { 'http/json': JsonLogsSerializer, 'http/protobuf': ProtobufLogsSerializer },
} as const

const REJECTED = {
  metrics: 'rejectedDataPoints',
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
} as const satisfies Record<Signal, string>

/**
 * The number of rejected items of an accepted request, and the reason (OTLP's partial success). An answer that cannot be
 * read rejects nothing: its status was a success.
 */
export function partialSuccessReader(signal: Signal, protocol: OtlpEndpoint['protocol']) {
  return (answer: Buffer): { rejected: number; message: string } => {
    let read: { partialSuccess?: Record<string, unknown> | null } = {}
    try {
      if (protocol === 'http/json') read = JSON.parse(answer.toString('utf8'))
      else if (answer.length > 0) read = FORMATS[signal][protocol].deserializeResponse(answer) as typeof read
    } catch {}
    const { [REJECTED[signal]]: rejected, errorMessage } = read?.partialSuccess ?? {}
    return {
      // 64-bit integers are text in OTLP/JSON.
      rejected: Number.isSafeInteger(Number(rejected ?? 0)) ? Math.max(0, Number(rejected ?? 0)) : 0,
      message: typeof errorMessage === 'string' ? errorMessage.slice(0, 300) : '',
    }
  }
}

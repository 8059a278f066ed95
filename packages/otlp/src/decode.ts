import { checkJsonBounds } from './json-bounds.ts'
import { DEFAULT_LIMITS, type OtlpLimits } from './limits.ts'
import { logsRequest } from './logs-fields.ts'
import { metricsRequest } from './metrics-fields.ts'
import type { LogsRequest, MetricsRequest, TraceRequest } from './model.ts'
import { malformed } from './otlp-error.ts'
import { traceRequest } from './trace-fields.ts'
import { WireReader } from './wire-reader.ts'

export type Encoding = 'protobuf' | 'json'

export interface Requests {
  metrics: MetricsRequest
  traces: TraceRequest
  logs: LogsRequest
}
export type Signal = keyof Requests

const REQUESTS = { metrics: metricsRequest, traces: traceRequest, logs: logsRequest }

/**
 * The export request in a decompressed body. Throws an `OtlpError` for malformed bytes (400) and for a request over the
 * limits (413). For any bytes, it throws no other error.
 */
export function decodeRequest<S extends Signal>(
  signal: S,
  encoding: Encoding,
  body: Buffer,
  limits: OtlpLimits = DEFAULT_LIMITS,
): Requests[S] {
  const codec = REQUESTS[signal]
  const request =
    encoding === 'protobuf'
      ? codec.readWhole(new WireReader(body, limits))
      : codec.fromJson(parse(body, limits), undefined)
  return request as Requests[S]
}

function parse(body: Buffer, limits: OtlpLimits): unknown {
  checkJsonBounds(body, limits)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw malformed('The body is not JSON.', cause)
  }
}

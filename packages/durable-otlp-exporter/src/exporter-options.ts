import type { DurableStorage } from './durable-storage.ts'
import { Environment } from './environment.ts'
import { type OtlpEndpoint, readOtlp, type Signal } from './otlp-endpoint.ts'
import { Pipeline, type PipelineOptions } from './pipeline.ts'

/** Defaults: the standard variables `OTEL_EXPORTER_OTLP_*` and `OTEL_EXPORTER_OTLP_{METRICS,TRACES,LOGS}_*`. */
export interface DurableExporterOptions {
  /** Shared by the exporters of a process, one for each signal. */
  readonly storage: DurableStorage
  /** The whole URL, with `/v1/metrics` for example. */
  readonly url?: string
  readonly headers?: Record<string, string>
  readonly protocol?: OtlpEndpoint['protocol']
  readonly compression?: OtlpEndpoint['compression']
  /** Time limit of one request, which is then sent again. */
  readonly timeoutMillis?: number
  /** Larger requests are split between their items, before compression. */
  readonly maxRequestBytes?: number
  readonly userAgent?: string
  /** Default: the process's own variables. */
  readonly environment?: Environment
}

/** For spans and log records: Datadog takes megabytes of them. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024

export function environmentOf({ environment, storage }: DurableExporterOptions): Environment {
  return (
    environment ?? new Environment(process.env, (message) => storage.diagnostics.sayOnce('warn', message))
  )
}

export function openPipeline(
  signal: Signal,
  options: DurableExporterOptions,
  bounds: Pick<PipelineOptions, 'memoryMax' | 'maxAgeMs' | 'maxRequestBytes'>,
): { pipeline: Pipeline; protocol: OtlpEndpoint['protocol'] } {
  const { storage, url, headers, timeoutMillis, userAgent = 'durable-otlp-exporter' } = options
  const read = readOtlp(environmentOf(options), signal)
  const endpoint: OtlpEndpoint = {
    ...read,
    url: url ?? read.url,
    headers: { ...read.headers, ...headers },
    protocol: options.protocol ?? read.protocol,
    compression: options.compression ?? read.compression,
    timeoutMillis: timeoutMillis ?? read.timeoutMillis,
  }
  const maxRequestBytes = options.maxRequestBytes ?? bounds.maxRequestBytes
  const pipeline = new Pipeline({ ...bounds, maxRequestBytes, signal, storage, endpoint, userAgent })
  return { pipeline, protocol: endpoint.protocol }
}

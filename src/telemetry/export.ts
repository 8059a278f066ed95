import type { Resource } from '@opentelemetry/resources'
import {
  BatchLogRecordProcessor,
  ConsoleLogRecordExporter,
  type LogRecordProcessor,
} from '@opentelemetry/sdk-logs'
import { ConsoleMetricExporter, type MetricProducer, type MetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, ConsoleSpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace'
import {
  chooseTemporality,
  type Diagnostics,
  DurableLogRecordProcessor,
  DurableOTLPLogExporter,
  DurableOTLPMetricExporter,
  DurableOTLPTraceExporter,
  DurableSpanProcessor,
  DurableStorage,
  type DurableStorageOptions,
  type Environment,
  ExactMetricReader,
  readOtlp,
  type Signal,
} from '@rollcall/durable-otlp-exporter'
import { exporterKind, readBatching, readMetricTimes } from './otel-variables.ts'
import { CARDINALITY_LIMIT } from './sdk-limits.ts'

/** Options of the storage, in memory and on disk. */
export interface ExportOptions
  extends Pick<
    DurableStorageOptions,
    'directory' | 'waitingMax' | 'spoolMaxBytes' | 'deadLettersMaxBytes' | 'clock' | 'pace'
  > {
  /** Larger requests of spans or log records are split before they are sent; in bytes before compression. */
  readonly maxRequestBytes?: number
  /** The same for metrics. */
  readonly metricsMaxRequestBytes?: number
  /** Older metrics become dead letters; 0 sends them at any age. */
  readonly metricsMaxAgeSeconds?: number
  /** The first interval of metrics lasts this long if the others are longer; without it, as long as the others. */
  readonly firstIntervalMs?: number
}

export interface Export {
  readonly storage: DurableStorage
  /** None of these for a signal that is not exported. */
  readonly reader: MetricReader | undefined
  readonly spans: SpanProcessor | undefined
  readonly logs: LogRecordProcessor | undefined
  /** The destination of metrics, for people: a URL, `console` or `off`. */
  readonly destination: string
}

export interface ExportContext {
  readonly environment: Environment
  readonly resource: Resource
  readonly diagnostics: Diagnostics
  readonly userAgent: string
  /** Metrics recorded without the SDK. */
  readonly producer: MetricProducer
}

/** One reader and one processor for each signal, before the exporter of OTEL_*_EXPORTER. */
export function openExport(options: ExportOptions, inside: ExportContext): Export {
  const { environment, resource, diagnostics } = inside
  const storage = new DurableStorage({ ...options, resource, diagnostics })
  const kind = exporterKind(environment, 'metrics')
  return {
    storage,
    reader: metricReader(storage, options, inside),
    spans: spanProcessor(storage, options, inside),
    logs: logRecordProcessor(storage, options, inside),
    destination: kind === 'otlp' ? readOtlp(environment, 'metrics').url : kind === 'none' ? 'off' : kind,
  }
}

function metricReader(
  storage: DurableStorage,
  { firstIntervalMs, metricsMaxRequestBytes, metricsMaxAgeSeconds }: ExportOptions,
  { environment, userAgent, producer, diagnostics }: ExportContext,
): MetricReader | undefined {
  const kind = exporterKind(environment, 'metrics')
  if (kind === 'none') return undefined
  const { exportIntervalMillis, timeoutMillis } = readMetricTimes(environment)
  const exporter =
    kind === 'console'
      ? new ConsoleMetricExporter({ temporalitySelector: chooseTemporality(environment).selector })
      : new DurableOTLPMetricExporter({
          storage,
          environment,
          userAgent,
          timeoutMillis: requestTimeout(environment, 'metrics', timeoutMillis),
          ...(metricsMaxRequestBytes !== undefined && { maxRequestBytes: metricsMaxRequestBytes }),
          ...(metricsMaxAgeSeconds !== undefined && { maxAgeSeconds: metricsMaxAgeSeconds }),
        })
  return new ExactMetricReader({
    exporter,
    exportIntervalMillis,
    ...(firstIntervalMs !== undefined && { firstIntervalMillis: firstIntervalMs }),
    collectTimeoutMillis: timeoutMillis,
    cardinalityLimit: CARDINALITY_LIMIT,
    metricProducers: [producer],
    onError: (error) =>
      diagnostics.sayOnce('warn', 'metrics could not be collected', { error: String(error) }),
  })
}

// OTEL_*_EXPORTER=console is for reading along: the SDK's own processors, which need not be exact.

function spanProcessor(
  storage: DurableStorage,
  { maxRequestBytes }: ExportOptions,
  { environment, userAgent }: ExportContext,
): SpanProcessor | undefined {
  const kind = exporterKind(environment, 'traces')
  if (kind === 'none') return undefined
  const batching = readBatching(environment, 'OTEL_BSP', 5000)
  if (kind === 'console') return new BatchSpanProcessor({ exporter: new ConsoleSpanExporter(), ...batching })
  const exporter = new DurableOTLPTraceExporter({
    storage,
    environment,
    userAgent,
    timeoutMillis: requestTimeout(environment, 'traces', batching.exportTimeoutMillis),
    ...(maxRequestBytes !== undefined && { maxRequestBytes }),
  })
  return new DurableSpanProcessor({ exporter, ...batching })
}

function logRecordProcessor(
  storage: DurableStorage,
  { maxRequestBytes }: ExportOptions,
  { environment, userAgent }: ExportContext,
): LogRecordProcessor | undefined {
  const kind = exporterKind(environment, 'logs')
  if (kind === 'none') return undefined
  const batching = readBatching(environment, 'OTEL_BLRP', 1000)
  if (kind === 'console')
    return new BatchLogRecordProcessor({ exporter: new ConsoleLogRecordExporter(), ...batching })
  const exporter = new DurableOTLPLogExporter({
    storage,
    environment,
    userAgent,
    timeoutMillis: requestTimeout(environment, 'logs', batching.exportTimeoutMillis),
    ...(maxRequestBytes !== undefined && { maxRequestBytes }),
  })
  return new DurableLogRecordProcessor({ exporter, ...batching })
}

/** Time-out of one request, in milliseconds: two variables bound it, and the smaller counts. */
function requestTimeout(environment: Environment, signal: Signal, timeoutMillis: number): number {
  return Math.min(readOtlp(environment, signal).timeoutMillis, timeoutMillis)
}

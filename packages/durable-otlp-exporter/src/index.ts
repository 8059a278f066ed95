export {
  DEAD_LETTER_REASONS,
  DROP_REASONS,
  type DropReason,
  type ExportCounts,
  NOTHING_COUNTED,
  type SignalCounts,
} from './counts.ts'
export { type Diagnostic, Diagnostics } from './diagnostics.ts'
export { DurableStorage, type DurableStorageOptions } from './durable-storage.ts'
export { Environment } from './environment.ts'
export { type BackPressure, ExactMetricReader, type ExactMetricReaderOptions } from './exact-metric-reader.ts'
export type { DurableExporterOptions } from './exporter-options.ts'
export { DurableOTLPLogExporter } from './log-exporter.ts'
export { type DurableMetricExporterOptions, DurableOTLPMetricExporter } from './metric-exporter.ts'
export { chooseTemporality, MAX_BUCKETS } from './metric-preferences.ts'
export { readOtlp, SIGNALS, type Signal, UnsupportedProtocolError } from './otlp-endpoint.ts'
export { DurableLogRecordProcessor, DurableSpanProcessor, type ProcessorOptions } from './processors.ts'
export { DurableOTLPTraceExporter } from './trace-exporter.ts'

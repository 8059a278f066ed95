import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { DurableDelegate } from './delegate.ts'
import { type DurableExporterOptions, MAX_REQUEST_BYTES, openPipeline } from './exporter-options.ts'
import { FORMATS } from './formats.ts'

/** An exporter of log records over OTLP/HTTP that keeps unacknowledged requests, behind any processor. */
export class DurableOTLPLogExporter extends OTLPExporterBase<ReadableLogRecord[]> {
  /** For {@link DurableLogRecordProcessor}. */
  readonly delegate: DurableDelegate<ReadableLogRecord[]>

  constructor(options: DurableExporterOptions) {
    const { clock, waitingMax } = options.storage.options
    const { pipeline, protocol } = openPipeline('logs', options, {
      memoryMax: waitingMax,
      maxAgeMs: 0,
      maxRequestBytes: MAX_REQUEST_BYTES,
    })
    const delegate = new DurableDelegate<ReadableLogRecord[]>({
      pipeline,
      count: (items) => items.length,
      resourcesOf: (items) => [...new Set(items.map(({ resource }) => resource))],
      serialize: (items) => ({
        bytes: FORMATS.logs[protocol].serializeRequest(items),
        time: clock.now(),
      }),
    })
    super(delegate)
    this.delegate = delegate
  }
}

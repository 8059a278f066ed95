import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { DurableDelegate } from './delegate.ts'
import { type DurableExporterOptions, MAX_REQUEST_BYTES, openPipeline } from './exporter-options.ts'
import { FORMATS } from './formats.ts'

/** An exporter of spans over OTLP/HTTP that keeps unacknowledged requests, behind any processor. */
export class DurableOTLPTraceExporter extends OTLPExporterBase<ReadableSpan[]> {
  /** For {@link DurableSpanProcessor}. */
  readonly delegate: DurableDelegate<ReadableSpan[]>

  constructor(options: DurableExporterOptions) {
    const { clock, waitingMax } = options.storage.options
    const { pipeline, protocol } = openPipeline('traces', options, {
      memoryMax: waitingMax,
      maxAgeMs: 0,
      maxRequestBytes: MAX_REQUEST_BYTES,
    })
    const delegate = new DurableDelegate<ReadableSpan[]>({
      pipeline,
      count: (items) => items.length,
      resourcesOf: (items) => [...new Set(items.map(({ resource }) => resource))],
      serialize: (items) => ({
        bytes: FORMATS.traces[protocol].serializeRequest(items),
        time: clock.now(),
      }),
    })
    super(delegate)
    this.delegate = delegate
  }
}

import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import type { IOtlpExportDelegate } from '@opentelemetry/otlp-exporter-base'
import type { Resource } from '@opentelemetry/resources'
import type { Pipeline, Serialized } from './pipeline.ts'

export interface DelegateOptions<Export> {
  readonly pipeline: Pipeline
  readonly count: (items: Export) => number
  readonly resourcesOf: (items: Export) => readonly Resource[]
  readonly serialize: (items: Export) => Serialized
}

/**
 * The delegate of OpenTelemetry's exporters. It answers as soon as an export is taken over: the receiver may be away for
 * hours, and readers and processors drop an export without an answer in time.
 */
export class DurableDelegate<Export> implements IOtlpExportDelegate<Export> {
  readonly pipeline: Pipeline
  readonly #options: DelegateOptions<Export>

  constructor(options: DelegateOptions<Export>) {
    this.pipeline = options.pipeline
    this.#options = options
  }

  export(items: Export, answer: (result: ExportResult) => void): void {
    const count = this.#options.count(items)
    this.pipeline.counts.recorded += count
    const taken = count === 0 ? Promise.resolve(true) : this.take(items)
    void taken.then((isTaken) => answer(isTaken ? TAKEN : DROPPED))
  }

  /** As {@link export}, for items that are counted as recorded already. */
  take(items: Export): Promise<boolean> {
    const { count, resourcesOf, serialize } = this.#options
    return this.pipeline.take(count(items), resourcesOf(items), () => serialize(items))
  }

  forceFlush(): Promise<void> {
    return this.pipeline.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.pipeline.shutdown()
  }

  /** The counts of the storage tell more. */
  setMetrics(): void {}
}

const TAKEN: ExportResult = { code: ExportResultCode.SUCCESS }
const DROPPED: ExportResult = {
  code: ExportResultCode.FAILED,
  error: new Error('not taken over, and counted as dropped'),
}

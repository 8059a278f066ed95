import { TraceFlags } from '@opentelemetry/api'
import type { LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord } from '@opentelemetry/sdk-logs'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'
import { Batcher } from './batcher.ts'
import type { DurableDelegate } from './delegate.ts'
import type { DurableOTLPLogExporter } from './log-exporter.ts'
import type { DurableOTLPTraceExporter } from './trace-exporter.ts'

/** The options and defaults of the SDK's batch processors. */
export interface ProcessorOptions<Exporter> {
  readonly exporter: Exporter
  readonly scheduledDelayMillis?: number
  readonly maxQueueSize?: number
  readonly maxExportBatchSize?: number
}

/**
 * In place of the SDK's BatchSpanProcessor. That one drops the newest spans, uncounted, when its queue is full. Here spans
 * above the queue go to disk, and dropped spans are counted.
 */
export class DurableSpanProcessor implements SpanProcessor {
  readonly #batcher: Batcher<ReadableSpan>
  readonly #exporter: DurableOTLPTraceExporter

  constructor(options: ProcessorOptions<DurableOTLPTraceExporter>) {
    this.#exporter = options.exporter
    this.#batcher = batcherFor(options.exporter.delegate, { ...options, defaultDelayMillis: 5000 })
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0) this.#batcher.add(span)
  }

  forceFlush(): Promise<void> {
    return flush(this.#batcher, this.#exporter)
  }

  shutdown(): Promise<void> {
    return end(this.#batcher, this.#exporter)
  }
}

/** In place of the SDK's BatchLogRecordProcessor, as {@link DurableSpanProcessor} is for spans. */
export class DurableLogRecordProcessor implements LogRecordProcessor {
  readonly #batcher: Batcher<ReadableLogRecord>
  readonly #exporter: DurableOTLPLogExporter

  constructor(options: ProcessorOptions<DurableOTLPLogExporter>) {
    this.#exporter = options.exporter
    this.#batcher = batcherFor(options.exporter.delegate, { ...options, defaultDelayMillis: 1000 })
  }

  onEmit(record: ReadWriteLogRecord): void {
    this.#batcher.add(record)
  }

  forceFlush(): Promise<void> {
    return flush(this.#batcher, this.#exporter)
  }

  shutdown(): Promise<void> {
    return end(this.#batcher, this.#exporter)
  }
}

interface DurableExporter<T> {
  readonly delegate: DurableDelegate<T[]>
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

function batcherFor<T>(
  delegate: DurableDelegate<T[]>,
  options: Omit<ProcessorOptions<unknown>, 'exporter'> & { defaultDelayMillis: number },
): Batcher<T> {
  const { pipeline } = delegate
  const maxQueue = options.maxQueueSize ?? 2048
  const batcher = new Batcher<T>({
    delayMs: options.scheduledDelayMillis ?? options.defaultDelayMillis,
    maxQueue,
    maxBatch: Math.min(maxQueue, options.maxExportBatchSize ?? 512),
    counts: pipeline.counts,
    isReady: () => pipeline.isReady,
    hasRoom: () => pipeline.hasRoom,
    canSpill: () => pipeline.canSpill,
    accept: (batch) => void delegate.take(batch),
  })
  pipeline.attach(batcher)
  return batcher
}

async function flush<T>(batcher: Batcher<T>, exporter: DurableExporter<T>): Promise<void> {
  if (await exporter.delegate.pipeline.opened()) batcher.flush()
  await exporter.forceFlush()
}

async function end<T>(batcher: Batcher<T>, exporter: DurableExporter<T>): Promise<void> {
  const { pipeline } = exporter.delegate
  pipeline.beginShutdown()
  batcher.end(await pipeline.opened())
  await exporter.shutdown()
}

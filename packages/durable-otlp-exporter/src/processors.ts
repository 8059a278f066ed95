import { TraceFlags } from '@opentelemetry/api'
import type { LogRecordProcessor, ReadWriteLogRecord } from '@opentelemetry/sdk-logs'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'

interface Gatherer<T> {
  add(item: T): void
  flush(): Promise<void>
}

/** Hands sampled spans over when they end. */
export function spanProcessor(batcher: Gatherer<ReadableSpan>): SpanProcessor {
  return {
    onStart() {},
    onEnd(span) {
      if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0) batcher.add(span)
    },
    forceFlush: () => batcher.flush(),
    shutdown: () => batcher.flush(),
  }
}

/** Hands log records over when they are emitted. */
export function logRecordProcessor(batcher: Gatherer<ReadWriteLogRecord>): LogRecordProcessor {
  return {
    onEmit(record) {
      batcher.add(record)
    },
    forceFlush: () => batcher.flush(),
    shutdown: () => batcher.flush(),
  }
}

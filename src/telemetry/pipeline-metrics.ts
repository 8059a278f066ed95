import {
  DROP_REASONS,
  type ExportPipeline,
  SET_ASIDE_REASONS,
  type Signal,
} from '@rollcall/durable-otlp-exporter'
import { METRICS } from './catalogue.ts'
import type { Counter, Instruments } from './instruments.ts'

const EXPORTED = {
  metrics: METRICS.pointsExported,
  traces: METRICS.spansExported,
  logs: METRICS.logRecordsExported,
} as const

const INFLIGHT = {
  metrics: METRICS.pointsInflight,
  traces: METRICS.spansInflight,
  logs: METRICS.logRecordsInflight,
} as const

/** The pipeline's own books as metrics, brought up to date before each collection. */
export function recordBooks(instruments: Instruments, pipeline: ExportPipeline): void {
  const samplers = pipeline.signals.map((signal) => signalSampler(instruments, pipeline, signal))
  instruments.beforeCollection(() => {
    for (const sample of samplers) sample()
  })
}

function signalSampler(instruments: Instruments, pipeline: ExportPipeline, signal: Signal): () => void {
  const books = pipeline.bookkeeper(signal)
  const waiting = () => pipeline.books()[signal].waiting
  const exported = (reason?: string) =>
    instruments.counter(EXPORTED[signal], reason === undefined ? {} : { 'error.type': reason })
  const samplers = [
    growth(exported(), () => books.acknowledged),
    growth(instruments.upDownCounter(INFLIGHT[signal], {}), waiting),
    growth(instruments.counter(METRICS.telemetryRecorded, { signal }), () => books.recorded),
    growth(instruments.counter(METRICS.telemetryRestored, { signal }), () => books.restored),
    growth(instruments.counter(METRICS.telemetryResent, { signal }), () => books.resent),
    ...SET_ASIDE_REASONS.flatMap((reason) => [
      growth(exported(reason), () => books.setAsideBy[reason]),
      growth(
        instruments.counter(METRICS.telemetrySetAside, { signal, 'error.type': reason }),
        () => books.setAsideBy[reason],
      ),
    ]),
    ...DROP_REASONS.map((reason) =>
      growth(
        instruments.counter(METRICS.telemetryDropped, { signal, 'error.type': reason }),
        () => books.droppedBy[reason] + (reason === 'set_aside_full' ? books.prunedOfOthers : 0),
      ),
    ),
  ]
  return () => {
    for (const sample of samplers) sample()
  }
}

/** Adds what came since; nothing the first time too, so that the series is there before something goes wrong. */
function growth(counter: Counter, total: () => number): () => void {
  let before: number | undefined
  return () => {
    const now = total()
    if (now !== before) counter.add(now - (before ?? 0))
    before = now
  }
}

import {
  DEAD_LETTER_REASONS,
  DROP_REASONS,
  type DurableStorage,
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

/** The outcome of all telemetry as metrics, brought up to date before each collection. */
export function recordCounts(instruments: Instruments, storage: DurableStorage): void {
  const samplers = storage.signals.map((signal) => signalSampler(instruments, storage, signal))
  instruments.beforeCollection(() => {
    for (const sample of samplers) sample()
  })
}

function signalSampler(instruments: Instruments, storage: DurableStorage, signal: Signal): () => void {
  const counts = storage.countsOf(signal)
  const waiting = () => storage.counts()[signal].waiting
  const exported = (reason?: string) =>
    instruments.counter(EXPORTED[signal], reason === undefined ? {} : { 'error.type': reason })
  const samplers = [
    growth(exported(), () => counts.acknowledged),
    growth(instruments.upDownCounter(INFLIGHT[signal], {}), waiting),
    growth(instruments.counter(METRICS.telemetryRecorded, { signal }), () => counts.recorded),
    growth(instruments.counter(METRICS.telemetryRestored, { signal }), () => counts.restored),
    growth(instruments.counter(METRICS.telemetryResent, { signal }), () => counts.resent),
    ...DEAD_LETTER_REASONS.flatMap((reason) => [
      growth(exported(reason), () => counts.deadLettersBy[reason]),
      growth(
        instruments.counter(METRICS.telemetryDeadLetters, { signal, 'error.type': reason }),
        () => counts.deadLettersBy[reason],
      ),
    ]),
    ...DROP_REASONS.map((reason) =>
      growth(
        instruments.counter(METRICS.telemetryDropped, { signal, 'error.type': reason }),
        () => counts.droppedBy[reason] + (reason === 'dead_letters_full' ? counts.prunedOfOthers : 0),
      ),
    ),
  ]
  return () => {
    for (const sample of samplers) sample()
  }
}

/** Adds the growth since the last time; at first also 0, so that the series exists before the first fault. */
function growth(counter: Counter, total: () => number): () => void {
  let before: number | undefined
  return () => {
    const now = total()
    if (now !== before) counter.add(now - (before ?? 0))
    before = now
  }
}

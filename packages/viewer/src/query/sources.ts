import type { LogStore } from '../store/log-store.ts'
import type { MetricStore } from '../store/metric-store.ts'
import type { TraceStore } from '../store/trace-store.ts'

/** The data behind queries. */
export interface Sources {
  readonly metrics: MetricStore
  readonly traces: TraceStore
  readonly logs: LogStore
}

import type { StoredSpan } from './trace-store.ts'

export type WaterfallSpan = StoredSpan & {
  /** Milliseconds from the beginning of the trace. */
  readonly offset: number
  readonly depth: number
  /** Its parent is missing: not sent, not sampled, or not here yet. */
  readonly isOrphan: boolean
}

/** Parents before their children, children by their start. */
export function waterfall(spans: readonly StoredSpan[], traceStart: number): WaterfallSpan[] {
  const byStart = [...spans].sort((one, other) => one.start - other.start)
  const known = new Set(spans.map(({ spanId }) => spanId))
  const children = new Map<string | null, StoredSpan[]>()
  for (const span of byStart) {
    const parent = span.parentSpanId !== null && known.has(span.parentSpanId) ? span.parentSpanId : null
    children.set(parent, [...(children.get(parent) ?? []), span])
  }
  const placed: WaterfallSpan[] = []
  const seen = new Set<string>()
  // Spans without a root are a circle of parents. They are shown as if they had no parents.
  for (const first of [...(children.get(null) ?? []), ...byStart]) {
    const waiting: [StoredSpan, number][] = [[first, 0]]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [span, depth] = next
      if (seen.has(span.spanId)) continue
      seen.add(span.spanId)
      placed.push({
        ...span,
        offset: Math.round((span.start - traceStart) * 1e3) / 1e3,
        depth,
        isOrphan: depth === 0 && span.parentSpanId !== null,
        events: span.events,
      })
      const below = children.get(span.spanId) ?? []
      for (let index = below.length - 1; index >= 0; index -= 1) waiting.push([below[index]!, depth + 1])
    }
  }
  return placed
}

import type { MetricDefinition, MetricKind } from './metric-definition.ts'

/**
 * The port through which everything is recorded. An instrument is bound to its attributes once, when a route or a
 * statement is registered or first seen; recording looks nothing up and never throws. No code but its
 * implementations knows the SDK's instruments, so what is behind it can change.
 */
export interface Instruments {
  counter<M extends OfKind<'counter'>>(metric: M, attributes: AttributesOf<M>): Counter
  upDownCounter<M extends OfKind<'up-down counter'>>(metric: M, attributes: AttributesOf<M>): Counter
  histogram<M extends OfKind<'histogram'>>(metric: M, attributes: AttributesOf<M>): Recorder
  gauge<M extends OfKind<'gauge'>>(metric: M, attributes: AttributesOf<M>): Recorder
  /** Records each value into two, for the price of little more than one. */
  both(one: Recorder, other: Recorder): Recorder
  /** Calls back before each collection, to sample what has a value only then. */
  beforeCollection(sample: () => void): void
  /** Something in telemetry failed that must not fail a request: counted, and its first occurrence logged. */
  fault(error: unknown): void
}

export interface Counter {
  add(count: number): void
}

export interface Recorder {
  record(value: number): void
}

export type OfKind<K extends MetricKind> = MetricDefinition & { readonly kind: K }
export type AttributesOf<M extends MetricDefinition> = {
  readonly [name in keyof M['attributes']]?: string | number
}

const nothing = { add: () => {}, record: () => {} }

/** Records nothing, at no cost: for a disabled SDK and for code that runs unmeasured. */
export const noInstruments: Instruments = {
  counter: () => nothing,
  upDownCounter: () => nothing,
  histogram: () => nothing,
  gauge: () => nothing,
  both: () => nothing,
  beforeCollection: () => {},
  fault: () => {},
}

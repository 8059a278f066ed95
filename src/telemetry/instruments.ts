import type { AttributesOf, OfKind, Recorder, RequestInstruments } from '@rollcall/fastify-route-telemetry'

export type { AttributesOf, Counter, OfKind, Recorder } from '@rollcall/fastify-route-telemetry'

/**
 * The port through which everything is recorded. An instrument is bound to its attributes once, when a route or a
 * statement is registered or first seen; recording looks nothing up and never throws. No code but its
 * implementations knows the SDK's instruments, so what is behind it can change.
 */
export interface Instruments extends RequestInstruments {
  gauge<M extends OfKind<'gauge'>>(metric: M, attributes: AttributesOf<M>): Recorder
  /** Records each value into two, for the price of little more than one. */
  both(one: Recorder, other: Recorder): Recorder
  /** Calls back before each collection, to sample what has a value only then. */
  beforeCollection(sample: () => void): void
  /** Something in telemetry failed that must not fail a request: counted, and its first occurrence logged. */
  fault(error: unknown): void
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

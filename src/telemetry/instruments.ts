import type { AttributesOf, OfKind, Recorder, RequestInstruments } from '@rollcall/fastify-route-telemetry'

export type { AttributesOf, Counter, OfKind, Recorder } from '@rollcall/fastify-route-telemetry'

/**
 * The port of all recording. An instrument is bound to its attributes once, when a route or a statement is registered
 * or first seen; recording looks nothing up and never throws. Only its implementations know the SDK's instruments, so
 * they can be replaced.
 */
export interface Instruments extends RequestInstruments {
  gauge<M extends OfKind<'gauge'>>(metric: M, attributes: AttributesOf<M>): Recorder
  /** Records each value into two, for little more than the price of one. */
  both(one: Recorder, other: Recorder): Recorder
  /** Calls back before each collection, to sample values that exist only then. */
  beforeCollection(sample: () => void): void
  /** A failure inside telemetry that must not fail a request: counted, and logged the first time. */
  fault(error: unknown): void
}

const nothing = { add: () => {}, record: () => {} }

/** Records nothing, at no cost: for a disabled SDK and for unmeasured code. */
export const noInstruments: Instruments = {
  counter: () => nothing,
  upDownCounter: () => nothing,
  histogram: () => nothing,
  gauge: () => nothing,
  both: () => nothing,
  beforeCollection: () => {},
  fault: () => {},
}

import type { MetricDefinition, MetricKind } from './metric-definition.ts'

/**
 * The port through which requests are recorded. An instrument is bound to its attributes once, at the first request of a
 * route. Recording looks nothing up and never throws.
 */
export interface RequestInstruments {
  counter<M extends OfKind<'counter'>>(metric: M, attributes: AttributesOf<M>): Counter
  upDownCounter<M extends OfKind<'up-down counter'>>(metric: M, attributes: AttributesOf<M>): Counter
  histogram<M extends OfKind<'histogram'>>(metric: M, attributes: AttributesOf<M>): Recorder
  /** A failure inside telemetry, which must not fail a request. */
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

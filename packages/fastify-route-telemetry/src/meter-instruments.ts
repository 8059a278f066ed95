import { type Attributes, type Meter, ValueType } from '@opentelemetry/api'
import type { AttributesOf, Counter, OfKind, Recorder, RequestInstruments } from './instruments.ts'
import type { MetricDefinition } from './metric-definition.ts'

/** {@link RequestInstruments} over a meter, of any MeterProvider. `onFault` hears of each failure inside telemetry. */
export class MeterInstruments implements RequestInstruments {
  protected readonly meter: Meter
  readonly #onFault: (error: unknown) => void
  readonly #made = new Map<string, unknown>()

  constructor(meter: Meter, onFault: (error: unknown) => void = () => {}) {
    this.meter = meter
    this.#onFault = onFault
  }

  counter<M extends OfKind<'counter'>>(metric: M, attributes: AttributesOf<M>): Counter {
    const instrument = this.made(metric, () => this.meter.createCounter(metric.name, describe(metric)))
    return this.#adding(instrument, attributes)
  }

  upDownCounter<M extends OfKind<'up-down counter'>>(metric: M, attributes: AttributesOf<M>): Counter {
    const instrument = this.made(metric, () => this.meter.createUpDownCounter(metric.name, describe(metric)))
    return this.#adding(instrument, attributes)
  }

  histogram<M extends OfKind<'histogram'>>(metric: M, attributes: AttributesOf<M>): Recorder {
    const boundaries = metric.boundaries
    const options = {
      ...describe(metric),
      ...(boundaries && { advice: { explicitBucketBoundaries: [...boundaries] } }),
    }
    const instrument = this.made(metric, () => this.meter.createHistogram(metric.name, options))
    return this.recording(instrument, attributes)
  }

  fault(error: unknown): void {
    this.#onFault(error)
  }

  /** One instrument for each name. */
  protected made<T>(metric: MetricDefinition, create: () => T): T {
    const made = (this.#made.get(metric.name) as T | undefined) ?? create()
    this.#made.set(metric.name, made)
    return made
  }

  protected recording(
    instrument: { record(value: number, attributes: Attributes): void },
    attributes: object,
  ): Recorder {
    const bound = Object.freeze({ ...attributes }) as Attributes
    return {
      record: (value) => {
        try {
          instrument.record(value, bound)
        } catch (error) {
          this.#onFault(error)
        }
      },
    }
  }

  #adding(instrument: { add(count: number, attributes: Attributes): void }, attributes: object): Counter {
    const bound = Object.freeze({ ...attributes }) as Attributes
    return {
      add: (count) => {
        try {
          instrument.add(count, bound)
        } catch (error) {
          this.#onFault(error)
        }
      },
    }
  }
}

function describe(metric: MetricDefinition) {
  return { unit: metric.unit, description: metric.description, valueType: ValueType.DOUBLE }
}

import { type Attributes, type Meter, ValueType } from '@opentelemetry/api'
import type { AttributesOf, Counter, Instruments, OfKind, Recorder } from './instruments.ts'
import type { MetricDefinition } from './metric-definition.ts'

/**
 * {@link Instruments} over an OpenTelemetry meter, which may belong to any MeterProvider. `onFault` hears of each
 * failure inside telemetry.
 */
export class SdkInstruments implements Instruments {
  readonly #meter: Meter
  readonly #onFault: (error: unknown) => void
  readonly #made = new Map<string, unknown>()
  #collectionHook: { add(sample: () => void): void } | undefined

  constructor(meter: Meter, onFault: (error: unknown) => void = () => {}) {
    this.#meter = meter
    this.#onFault = onFault
  }

  counter<M extends OfKind<'counter'>>(metric: M, attributes: AttributesOf<M>): Counter {
    const instrument = this.#make(metric, () => this.#meter.createCounter(metric.name, describe(metric)))
    return this.#adding(instrument, attributes)
  }

  upDownCounter<M extends OfKind<'up-down counter'>>(metric: M, attributes: AttributesOf<M>): Counter {
    const instrument = this.#make(metric, () =>
      this.#meter.createUpDownCounter(metric.name, describe(metric)),
    )
    return this.#adding(instrument, attributes)
  }

  histogram<M extends OfKind<'histogram'>>(metric: M, attributes: AttributesOf<M>): Recorder {
    const boundaries = metric.boundaries
    const options = {
      ...describe(metric),
      ...(boundaries && { advice: { explicitBucketBoundaries: [...boundaries] } }),
    }
    const instrument = this.#make(metric, () => this.#meter.createHistogram(metric.name, options))
    return this.#recording(instrument, attributes)
  }

  gauge<M extends OfKind<'gauge'>>(metric: M, attributes: AttributesOf<M>): Recorder {
    const instrument = this.#make(metric, () => this.#meter.createGauge(metric.name, describe(metric)))
    return this.#recording(instrument, attributes)
  }

  both(one: Recorder, other: Recorder): Recorder {
    return {
      record: (value) => {
        one.record(value)
        other.record(value)
      },
    }
  }

  /**
   * The SDK calls observable callbacks before it reads any instrument of the same meter. It takes one only together
   * with an observable instrument; this one never observes anything, so it is never exported.
   */
  beforeCollection(sample: () => void): void {
    this.#collectionHook ??= this.#hookCollection()
    this.#collectionHook.add(sample)
  }

  fault(error: unknown): void {
    this.#onFault(error)
  }

  #hookCollection() {
    const samples: (() => void)[] = []
    const trigger = this.#meter.createObservableGauge('rollcall.telemetry.collection')
    this.#meter.addBatchObservableCallback(() => {
      for (const sample of samples) this.#guard(sample)
    }, [trigger])
    return { add: (sample: () => void) => samples.push(sample) }
  }

  #make<T>(metric: MetricDefinition, create: () => T): T {
    const made = (this.#made.get(metric.name) as T | undefined) ?? create()
    this.#made.set(metric.name, made)
    return made
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

  #recording(
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

  #guard(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#onFault(error)
    }
  }
}

function describe(metric: MetricDefinition) {
  return { unit: metric.unit, description: metric.description, valueType: ValueType.DOUBLE }
}

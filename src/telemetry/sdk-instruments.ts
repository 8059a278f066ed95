import { ValueType } from '@opentelemetry/api'
import { MeterInstruments } from '@rollcall/fastify-route-telemetry'
import type { AttributesOf, Instruments, OfKind, Recorder } from './instruments.ts'

/**
 * {@link Instruments} over an OpenTelemetry meter, which may belong to any MeterProvider.
 */
export class SdkInstruments extends MeterInstruments implements Instruments {
  #collectionHook: { add(sample: () => void): void } | undefined

  gauge<M extends OfKind<'gauge'>>(metric: M, attributes: AttributesOf<M>): Recorder {
    const { name, unit, description } = metric
    const options = { unit, description, valueType: ValueType.DOUBLE }
    const instrument = this.made(metric, () => this.meter.createGauge(name, options))
    return this.recording(instrument, attributes)
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
   * The SDK calls observable callbacks before it reads any instrument of the same meter. It takes a callback only with
   * an observable instrument; this one never observes anything, so it is never exported.
   */
  beforeCollection(sample: () => void): void {
    this.#collectionHook ??= this.#hookCollection()
    this.#collectionHook.add(sample)
  }

  #hookCollection() {
    const samples: (() => void)[] = []
    const trigger = this.meter.createObservableGauge('rollcall.telemetry.collection')
    this.meter.addBatchObservableCallback(() => {
      for (const sample of samples) this.#guard(sample)
    }, [trigger])
    return { add: (sample: () => void) => samples.push(sample) }
  }

  #guard(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.fault(error)
    }
  }
}

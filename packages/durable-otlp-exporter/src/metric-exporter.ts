import {
  OTLPMetricExporterBase,
  type OTLPMetricExporterOptions,
} from '@opentelemetry/exporter-metrics-otlp-http'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { DurableDelegate } from './delegate.ts'
import type { DurableStorage } from './durable-storage.ts'
import { type DurableExporterOptions, environmentOf, openPipeline } from './exporter-options.ts'
import { FORMATS } from './formats.ts'
import { IntervalEnds } from './interval-ends.ts'
import { chooseAggregation, chooseTemporality } from './metric-preferences.ts'
import type { Pipeline } from './pipeline.ts'

export interface DurableMetricExporterOptions
  extends DurableExporterOptions,
    Pick<OTLPMetricExporterOptions, 'temporalityPreference' | 'aggregationPreference'> {
  /** Older metrics become dead letters, because Datadog drops them silently. 0 sends metrics of any age. */
  readonly maxAgeSeconds?: number
}

/** Datadog's limit, with room for the tags that a Collector adds. docs/decisions/0010 has the measurement. */
const MAX_REQUEST_BYTES = 128 * 1024

const MAX_AGE_SECONDS = 3600

/**
 * Another reader collects on without a limit. Without a disk this number of its requests stay in memory.
 * {@link ExactMetricReader} stops long before.
 */
const MEMORY_MAX = 32

/**
 * OpenTelemetry's exporter of metrics over OTLP/HTTP, with storage for unacknowledged requests. With any reader each point
 * is delivered, kept on disk, put among the dead letters or counted as dropped, and no two points of a series end in one
 * second. With {@link ExactMetricReader} nothing is collected while there is no room.
 */
export class DurableOTLPMetricExporter extends OTLPMetricExporterBase {
  readonly #pipeline: Pipeline
  readonly #storage: DurableStorage

  constructor(options: DurableMetricExporterOptions) {
    const { storage, maxAgeSeconds = MAX_AGE_SECONDS } = options
    const environment = environmentOf(options)
    const { pipeline, protocol } = openPipeline('metrics', options, {
      memoryMax: MEMORY_MAX,
      maxAgeMs: maxAgeSeconds * 1000,
      maxRequestBytes: MAX_REQUEST_BYTES,
    })
    const ends = new IntervalEnds(storage.seconds, storage.options.clock)
    const delegate = new DurableDelegate<ResourceMetrics>({
      pipeline,
      count: countPoints,
      resourcesOf: ({ resource }) => [resource],
      serialize: (collected) => {
        const { metrics, end } = ends.stamp(collected)
        const before = storage.rememberSecond(Math.floor(end / 1000))
        return { bytes: FORMATS.metrics[protocol].serializeRequest(metrics), time: end, before }
      },
    })
    super(delegate, {
      // Always: without it the base class reads the variable itself, and defaults to cumulative.
      temporalityPreference: options.temporalityPreference ?? chooseTemporality(environment).preference,
      aggregationPreference: options.aggregationPreference ?? chooseAggregation(environment),
    })
    this.#pipeline = pipeline
    this.#storage = storage
  }

  // Methods for the exact reader.

  /** Whether an interval that ends now can be taken over, in a second of its own. */
  hasRoom(): boolean {
    const { clock } = this.#storage.options
    if (!this.#pipeline.hasRoom || this.#pipeline.mustMerge) return false
    return this.#storage.seconds.next(clock.now()) !== undefined
  }

  /** The time of a shutdown begins. Resolves when an interval can be taken over, or when it no longer can in time. */
  async beginShutdown(): Promise<void> {
    this.#pipeline.beginShutdown()
    await this.#pipeline.opened()
  }

  /** The rest of the time of a shutdown, in milliseconds. */
  get timeLeftMs(): number {
    return this.#pipeline.timeLeftMs
  }

  /** The time until an interval can end in a second of its own, in milliseconds. The clock may be set meanwhile. */
  get secondIsFreeInMs(): number {
    return this.#storage.seconds.waitForFinal(this.#storage.options.clock.now())
  }
}

function countPoints({ scopeMetrics }: ResourceMetrics): number {
  let points = 0
  for (const { metrics } of scopeMetrics) for (const { dataPoints } of metrics) points += dataPoints.length
  return points
}

import { type Attributes, ValueType } from '@opentelemetry/api'
import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import { METRICS } from '../src/telemetry/catalogue.ts'
import { BoundHistogram } from '../src/telemetry/recording/bound.ts'
import { Recording } from '../src/telemetry/recording/recording.ts'
import { type Spread, spreadOf } from './measure/statistics.ts'

/**
 * Costs of one record, in nanoseconds: `node bench/record.ts`. All cases take turns in short slices of one run, one of
 * them twice (A/A), and are collected after each round, so that every slice pays for the beginning of an interval.
 */

const RECORDS_A_SLICE = 20_000
const WARM_UP_ROUNDS = 10
const ROUNDS = 60
const MAX_BUCKETS = 1280

/** Names of the rows with a goal. */
export const BOUND = 'bound histogram'
export const BOUND_AGAIN = 'bound histogram, again (A/A)'

export interface RecordCase {
  readonly name: string
  /** Records each value once. */
  record(values: Float64Array): void
  /** Ends the interval. */
  collect(): Promise<unknown>
}

const ATTRIBUTES: Attributes = Object.freeze({
  'http.request.method': 'GET',
  'url.scheme': 'http',
  'http.route': '/v1/community',
  'http.response.status_code': 200,
  page: 'community',
})

export function recordCases(): RecordCase[] {
  return [
    sdkHistogram('SDK histogram, attributes made once'),
    boundHistogram(BOUND),
    boundHistogram(BOUND_AGAIN),
    boundPair('bound histograms of two names, one record'),
    sdkCounter('SDK counter, attributes made once'),
    boundCounter('bound counter'),
  ]
}

class AskedReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function sdk() {
  const reader = new AskedReader({
    aggregationSelector: (type) =>
      type === InstrumentType.HISTOGRAM
        ? { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: MAX_BUCKETS } }
        : { type: AggregationType.DEFAULT },
    aggregationTemporalitySelector: () => AggregationTemporality.DELTA,
  })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('bench')
  return { meter, collect: () => reader.collect() }
}

function ours() {
  const recording = new Recording({
    scope: { name: 'bench' },
    cardinalityLimit: 2000,
    maxBuckets: MAX_BUCKETS,
  })
  return { recording, collect: () => recording.collect() }
}

function sdkHistogram(name: string): RecordCase {
  const { meter, collect } = sdk()
  const histogram = meter.createHistogram('histogram', { valueType: ValueType.DOUBLE })
  return {
    name,
    collect,
    record(values) {
      for (const value of values) histogram.record(value, ATTRIBUTES)
    },
  }
}

function sdkCounter(name: string): RecordCase {
  const { meter, collect } = sdk()
  const counter = meter.createCounter('counter')
  return {
    name,
    collect,
    record(values) {
      for (const _ of values) counter.add(1, ATTRIBUTES)
    },
  }
}

function boundHistogram(name: string): RecordCase {
  const { recording, collect } = ours()
  const histogram = recording.histogram(METRICS.requestDuration, ATTRIBUTES)
  return {
    name,
    collect,
    record(values) {
      for (const value of values) histogram.record(value)
    },
  }
}

function boundPair(name: string): RecordCase {
  const { recording, collect } = ours()
  const [one, other] = [METRICS.queryTime, METRICS.operationDuration].map((metric) =>
    recording.histogram(metric, ATTRIBUTES),
  ) as [BoundHistogram, BoundHistogram]
  const both = BoundHistogram.both(one, other)
  return {
    name,
    collect,
    record(values) {
      for (const value of values) both.record(value)
    },
  }
}

function boundCounter(name: string): RecordCase {
  const { recording, collect } = ours()
  const counter = recording.counter(METRICS.pageViews, ATTRIBUTES, AggregationTemporality.DELTA)
  return {
    name,
    collect,
    record(values) {
      for (const _ of values) counter.add(1)
    },
  }
}

export interface RecordCost {
  readonly name: string
  /** Of one record, over the slices. */
  readonly nanoseconds: Spread
  /** Of the quickest slice. */
  readonly lowest: number
}

export async function measureRecords(cases: readonly RecordCase[], rounds = ROUNDS): Promise<RecordCost[]> {
  const slices = cases.map((): number[] => [])
  const values = latencies(RECORDS_A_SLICE)
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++)
    for (const [at, each] of cases.entries()) {
      const startedAt = performance.now()
      each.record(values)
      const ns = ((performance.now() - startedAt) * 1e6) / values.length
      if (round >= 0) slices[at]?.push(ns)
      await each.collect()
    }
  return cases.map(({ name }, at) => {
    const found = slices[at] as number[]
    return { name, nanoseconds: spreadOf(found), lowest: Math.min(...found) }
  })
}

/** Seconds, log-normal around half a millisecond; the same in each run. */
function latencies(count: number): Float64Array {
  let state = 1
  const random = () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  return Float64Array.from(
    { length: count },
    () => 0.0005 * Math.exp(0.8 * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())),
  )
}

if (import.meta.main) {
  console.log('ns a record: lowest, lower quartile, median, upper quartile')
  for (const {
    name,
    lowest,
    nanoseconds: { low, median, high },
  } of await measureRecords(recordCases()))
    console.log(
      [name.padEnd(44), ...[lowest, low, median, high].map((ns) => ns.toFixed(1).padStart(8))].join(' '),
    )
}

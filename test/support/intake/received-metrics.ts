import { isDeepStrictEqual } from 'node:util'
import type { Sketch } from '../flat-telemetry.ts'
import { type AgentSketch, MergedAgentSketch } from './agent-sketch.ts'
import { MergedSketch, type Percentile } from './sketch.ts'
import { normalized } from './tags.ts'

export type StoredValue =
  | { readonly type: 'count' | 'gauge'; readonly value: number }
  | {
      readonly type: 'distribution'
      readonly count: number
      readonly sum: number
      readonly min: number | undefined
      readonly max: number | undefined
      /** Undefined for explicit buckets, whose percentiles would be guesses. */
      readonly sketch: Sketch | AgentSketch | undefined
    }

export interface Incoming {
  readonly metric: string
  readonly host: string
  /** `name:value`, of the point and of its resource. */
  readonly tags: readonly string[]
  /** Nanoseconds since the epoch. */
  readonly time: bigint
  readonly startTime: bigint
  readonly value: StoredValue
}

interface Stored {
  readonly time: bigint
  readonly startTime: bigint
  readonly value: StoredValue
}

interface Series {
  readonly metric: string
  readonly host: string
  readonly tags: readonly string[]
  readonly bySecond: Map<number, Stored>
}

export interface StoreCounters {
  /** Points that came to be stored, repeats among them. */
  received: number
  /** Points that are stored. */
  stored: number
  /** Points that took the place of one with the same content: a resend, and harmless. */
  repeated: number
  /** Points that took the place of another one: what that one said is lost. */
  overwritten: number
}

/** Every tag of the filter must be on the series; `host:…` is one. Each group's key is its tags, joined with commas. */
export interface Selection {
  readonly metric: string
  readonly filter?: readonly string[]
  readonly by?: readonly string[]
}

/**
 * Datadog's storage rule: one value for each metric, tag set, host and second, of which the last one wins (docs
 * "Datadog OTLP Metrics Intake Endpoint", "Missing datapoints or lower than expected metric values").
 */
export class ReceivedMetrics {
  readonly counters: StoreCounters = { received: 0, stored: 0, repeated: 0, overwritten: 0 }
  readonly #series = new Map<string, Series>()
  readonly #overwritten = new Map<string, number>()

  add({ metric, host, tags, time, startTime, value }: Incoming): void {
    const series = this.#seriesOf(metric, host, tags)
    const second = Number(time / 1_000_000_000n)
    const next: Stored = { time, startTime, value }
    const previous = series.bySecond.get(second)
    this.counters.received += 1
    if (previous === undefined) this.counters.stored += 1
    else if (isDeepStrictEqual(previous, next)) this.counters.repeated += 1
    else {
      this.counters.overwritten += 1
      this.#overwritten.set(metric, (this.#overwritten.get(metric) ?? 0) + 1)
    }
    series.bySecond.set(second, next)
  }

  /** Names of the metrics with the number of series of each. */
  seriesPerMetric(): Record<string, number> {
    const counts: Record<string, number> = Object.create(null)
    for (const { metric } of this.#series.values()) counts[metric] = (counts[metric] ?? 0) + 1
    return counts
  }

  /** Names of the tags that the series of a metric have, in the order of the alphabet. */
  tagNames(metric: string): string[] {
    const names = new Set<string>()
    for (const series of this.#series.values())
      if (series.metric === metric) for (const tag of series.tags) names.add(tag.replace(/:.*/s, ''))
    return [...names].sort()
  }

  /** Points that took the place of another one, by the name of the metric. */
  overwrittenPerMetric(): Record<string, number> {
    return Object.fromEntries(this.#overwritten)
  }

  /** Of counts and gauges their values, of distributions the sums of what was observed. */
  sum(selection: Selection): Record<string, number> {
    return this.#add(selection, ({ value }) => (value.type === 'distribution' ? value.sum : value.value))
  }

  /** How many values were observed; only distributions know. */
  count(selection: Selection): Record<string, number> {
    return this.#add(selection, ({ value }) => {
      if (value.type !== 'distribution') throw new Error(`${selection.metric} is no distribution.`)
      return value.count
    })
  }

  /** `fraction` is 0.95 for the 95th. */
  percentile(selection: Selection, fraction: number): Record<string, Percentile> {
    const percentiles: Record<string, Percentile> = Object.create(null)
    for (const [group, points] of this.#groups(selection)) {
      const percentile = mergedSketch(selection.metric, points).percentile(fraction)
      if (percentile !== undefined) percentiles[group] = percentile
    }
    return percentiles
  }

  /** In the order of time, for each group: `[seconds since the epoch, value]`, of distributions the count. */
  points(selection: Selection): Record<string, [number, number][]> {
    const result: Record<string, [number, number][]> = Object.create(null)
    for (const [group, points] of this.#groups(selection))
      result[group] = points
        .map(({ time, value }): [number, number] => [
          toSeconds(time),
          value.type === 'distribution' ? value.count : value.value,
        ])
        .sort(([one], [other]) => one - other)
    return result
  }

  /**
   * Stretches between two points of a series in which nothing is said of it, in seconds since the epoch. Of a counter
   * that grows in every interval they are what is missing, or a time in which nobody was there to count.
   */
  gaps(selection: Selection): Record<string, [number, number][]> {
    const result: Record<string, [number, number][]> = Object.create(null)
    for (const [group, points] of this.#groups(selection)) {
      const inOrder = points.toSorted((one, other) => Number(one.time - other.time))
      result[group] = inOrder.flatMap(({ startTime }, index): [number, number][] => {
        const before = inOrder[index - 1]
        return before && startTime > before.time ? [[toSeconds(before.time), toSeconds(startTime)]] : []
      })
    }
    return result
  }

  forget(): void {
    this.#series.clear()
    this.#overwritten.clear()
    Object.assign(this.counters, { received: 0, stored: 0, repeated: 0, overwritten: 0 })
  }

  #add(selection: Selection, part: (point: Stored) => number): Record<string, number> {
    const sums: Record<string, number> = Object.create(null)
    for (const [group, points] of this.#groups(selection))
      sums[group] = points.reduce((sum, point) => sum + part(point), 0)
    return sums
  }

  #groups({ metric, filter = [], by = [] }: Selection): Map<string, Stored[]> {
    const wanted = filter.map(normalized)
    const groups = new Map<string, Stored[]>()
    for (const series of this.#series.values()) {
      if (series.metric !== metric) continue
      const tags = [...series.tags, `host:${series.host}`]
      const present = new Set(tags.map(normalized))
      if (!wanted.every((tag) => present.has(tag))) continue
      const group = by.flatMap((name) => tags.filter((tag) => tag.startsWith(`${name}:`))).join(',')
      const points = groups.get(group) ?? []
      for (const point of series.bySecond.values()) points.push(point)
      groups.set(group, points)
    }
    return groups
  }

  #seriesOf(metric: string, host: string, tags: readonly string[]): Series {
    const identity = [...new Set(tags.map(normalized))].sort()
    const key = JSON.stringify([metric, host, ...identity])
    const known = this.#series.get(key)
    if (known) return known
    const series = { metric, host, tags: [...new Set(tags)].sort(), bySecond: new Map() }
    this.#series.set(key, series)
    return series
  }
}

function mergedSketch(metric: string, points: readonly Stored[]): MergedSketch | MergedAgentSketch {
  const exponential = new MergedSketch()
  const agent = new MergedAgentSketch()
  const used = new Set<object>()
  for (const { value } of points) {
    if (value.type !== 'distribution' || value.sketch === undefined)
      throw new Error(`${metric} is no distribution from exponential histograms.`)
    const { sketch, min, max } = value
    used.add('keys' in sketch ? agent : exponential)
    if ('keys' in sketch) agent.add(sketch, min, max)
    else exponential.add(sketch, min, max)
  }
  if (used.size > 1) throw new Error(`${metric} came both over OTLP and as the Agent's sketches.`)
  return used.has(agent) ? agent : exponential
}

/** To the millisecond. */
function toSeconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n) / 1000
}

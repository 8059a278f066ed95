import { hash } from 'node:crypto'
import type { Attributes, Metric, MetricsRequest } from '@rollcall/otlp'
import { hostOf, normalized, pointTags, resourceTags } from '../datadog-tags.ts'
import { CumulativeStreams } from './cumulative.ts'
import { isCumulative, type Judged, judgePoint, type Kept, kindOf, type MetricKind } from './metric-points.ts'
import { beginning } from './plain-values.ts'
import { type Refusals, Rejections } from './refusals.ts'
import { SeriesPoints } from './series-points.ts'
import { Slabs } from './slabs.ts'

export interface MetricStoreLimits {
  readonly maxAgeSeconds: number
  readonly maxBytes: number
  readonly maxSeries: number
}

export interface StoredMetric {
  readonly name: string
  readonly kind: MetricKind
  /** OTLP's unit, as sent last. */
  unit: string
  description: string
  readonly series: Set<Series>
}

export interface Series {
  readonly metric: StoredMetric
  readonly key: string
  /** `name:value`, normalized, sorted, with the host. */
  readonly tags: readonly string[]
  readonly points: SeriesPoints
  readonly streams: CumulativeStreams | undefined
}

interface Indexed extends Series {
  /** Its key in the short cut: the metric, tags and attributes as received. */
  readonly aliases: string[]
  streams: CumulativeStreams | undefined
  /** Seconds since the epoch. */
  lastSeen: number
}

export interface MetricCounters {
  /** All points: stored + repeated + overwritten + added + bases + refused. */
  received: number
  stored: number
  /** The same point again, which is harmless. */
  repeated: number
  /** Points that replaced another point, whose value is lost: two processes send the same tags. */
  overwritten: number
  /** Growth of cumulative streams that was added to the point of the same second. */
  added: number
  /** First points of cumulative streams, and histograms without observations: nothing to store, and no loss. */
  bases: number
  refused: number
  evicted: number
}

/** Most seconds of a point ahead of the clock, as at Datadog. */
const AHEAD_SECONDS = 600
const MOST_ATTRIBUTES = 64
/** Forgotten series whose cumulative streams may come back: some 150 bytes each. */
const MOST_FORGOTTEN = 10_000
const ALIASES_OF_A_SERIES = 4
const LONGEST_ALIAS = 4096
const LONGEST_DESCRIPTION = 1000
/** Bytes of the objects of a series and of a metric, without points and texts. */
const SERIES_OVERHEAD_BYTES = 600
/** Largest share of the index, to leave room for points. */
const INDEX_SHARE = 0.35
/** Largest share of the short cut to a series. Without it, a series is found more slowly. */
const ALIAS_SHARE = 0.15
/** Share that is evicted at once when memory is full, to avoid a search for each point. */
const EVICTED_AT_ONCE = 0.1

const METRIC_NAME = /^[A-Za-z]/

/** Resource attributes that `otel-collector.yaml` copies onto the points, because Datadog would drop them. */
const COPIED = ['service.instance.id', 'support']

/**
 * Datadog's storage rule: one value for each metric, tags, host and second, and the last one wins. Bounded in time, bytes
 * and series: the oldest points go, and further series are refused.
 */
export class MetricStore {
  readonly counters: MetricCounters = {
    received: 0,
    stored: 0,
    repeated: 0,
    overwritten: 0,
    added: 0,
    bases: 0,
    refused: 0,
    evicted: 0,
  }
  readonly #limits: MetricStoreLimits
  readonly #refusals: Refusals
  readonly #startedAt = BigInt(Date.now()) * 1_000_000n
  /**
   * Start time of the last cumulative stream of each forgotten series, by a digest of its key. A series that comes back
   * sends values that were counted before.
   */
  readonly #forgottenStreams = new Map<string, bigint>()
  readonly #metrics = new Map<string, StoredMetric>()
  readonly #series = new Map<string, Indexed>()
  readonly #aliases = new Map<string, Indexed>()
  /** Bytes of points by second: they decide the cut when memory is full. */
  readonly #bytesBySecond = new Map<number, number>()
  readonly #sketches = new Slabs()
  #pointBytes = 0
  #indexBytes = 0
  #aliasBytes = 0
  /** Points of earlier seconds are refused: they would be evicted at once. */
  #horizon = 0
  #fullSince: number | undefined

  constructor(limits: MetricStoreLimits, refusals: Refusals) {
    this.#limits = limits
    this.#refusals = refusals
  }

  get bytes(): number {
    return this.#pointBytes + this.#indexBytes + this.#aliasBytes + this.#sketches.bytes
  }

  get seriesCount(): number {
    return this.#series.size
  }

  /** Time since which memory, and not age, decides evictions, in milliseconds since the epoch. */
  get fullSince(): number | undefined {
    return this.#fullSince
  }

  metrics(): Iterable<StoredMetric> {
    return this.#metrics.values()
  }

  find(name: string): StoredMetric | undefined {
    return this.#metrics.get(name)
  }

  /** Seconds of the oldest and newest point. Undefined without points. */
  span(): { oldest: number; newest: number } | undefined {
    let [oldest, newest] = [Number.POSITIVE_INFINITY, 0]
    for (const { points } of this.#series.values()) {
      if (points.size === 0) continue
      oldest = Math.min(oldest, points.second(0))
      newest = Math.max(newest, points.second(points.size - 1))
    }
    return newest === 0 ? undefined : { oldest, newest }
  }

  get kept(): number {
    return this.counters.stored - this.counters.evicted
  }

  receive(request: MetricsRequest): Rejections {
    const rejections = new Rejections('metrics', this.#refusals)
    const nowSeconds = Math.floor(Date.now() / 1000)
    this.letGoOfOld(nowSeconds)
    for (const { resource, scopeMetrics } of request.resourceMetrics) {
      const sender = senderOf(resource.attributes)
      for (const { metrics } of scopeMetrics)
        for (const metric of metrics) this.#receiveMetric(metric, sender, nowSeconds, rejections)
    }
    return rejections
  }

  /** Also forgets series without points. Called with every request and now and then. */
  letGoOfOld(nowSeconds = Math.floor(Date.now() / 1000)): void {
    const { maxAgeSeconds } = this.#limits
    // A sixtieth more is kept than asked for: looking at each series every second is not worth it.
    if (nowSeconds - maxAgeSeconds <= this.#horizon + maxAgeSeconds / 60) return
    this.#evictBefore(nowSeconds - maxAgeSeconds)
    this.#fullSince = undefined
  }

  #receiveMetric(metric: Metric, sender: Sender, nowSeconds: number, rejections: Rejections): void {
    const { name, data } = metric
    if (data === undefined) return
    const refuse = (reason: string) => {
      this.counters.refused += 1
      rejections.add(reason, name)
    }
    const kind = kindOf(data)
    for (const [index, point] of data.points.entries()) {
      this.counters.received += 1
      const second = Number(point.time / 1_000_000_000n)
      const series =
        this.#complaintAboutTime(second, nowSeconds) ??
        (kind === undefined
          ? 'summaries are not kept; send histograms'
          : this.#seriesOf(metric, kind, sender, point.attributes))
      if (typeof series === 'string') {
        refuse(series)
        continue
      }
      series.lastSeen = nowSeconds
      const judged = this.#judge(series, data, index)
      if (typeof judged === 'string') {
        this.counters[judged === 'base' ? 'bases' : 'repeated'] += 1
        this.#forgetIfEmpty(series)
      } else if ('refused' in judged) {
        refuse(judged.refused)
        this.#forgetIfEmpty(series)
      } else this.#put(series, point.time, judged, isCumulative(data))
    }
  }

  #complaintAboutTime(second: number, nowSeconds: number): string | undefined {
    if (second < nowSeconds - this.#limits.maxAgeSeconds)
      return `older than the ${this.#limits.maxAgeSeconds / 60} minutes that are kept`
    if (second > nowSeconds + AHEAD_SECONDS) return 'more than ten minutes ahead of this clock'
    if (second < this.#horizon) return 'older than the points that memory has room for'
    return undefined
  }

  #judge(series: Indexed, data: NonNullable<Metric['data']>, index: number): Judged {
    if (!isCumulative(data)) return judgePoint(data, index, undefined)
    series.streams ??= new CumulativeStreams(this.#watchedSince(series.key))
    const before = series.streams.bytes
    const replaced = series.streams.bytesOf(data.points[index]!.startTime)
    if (!this.#hasRoomInIndex(sizeOfState(data, index) - replaced))
      return { refused: 'no room for the state of another cumulative stream' }
    const judged = judgePoint(data, index, series.streams)
    this.#indexBytes += series.streams.bytes - before
    return judged
  }

  #put(series: Indexed, time: bigint, { row, sketch }: Kept, isGrowth: boolean): void {
    const second = Number(time / 1_000_000_000n)
    const nanoseconds = Number(time % 1_000_000_000n)
    const { bytes, usedBytes } = series.points
    // Two growths within a second are added: the stream's next point goes on from here, so neither may be lost.
    const outcome = isGrowth
      ? series.points.add(second, nanoseconds, row, sketch)
      : series.points.put(second, nanoseconds, row, sketch)
    this.counters[outcome] += 1
    this.#pointBytes += series.points.bytes - bytes
    const grown = series.points.usedBytes - usedBytes
    this.#bytesBySecond.set(second, (this.#bytesBySecond.get(second) ?? 0) + grown)
    if (this.bytes > this.#limits.maxBytes) this.#makeRoom()
  }

  #seriesOf(metric: Metric, kind: MetricKind, sender: Sender, attributes: Attributes): Indexed | string {
    const alias = aliasOf(metric.name, kind, sender, attributes)
    const found = this.#aliases.get(alias)
    if (found !== undefined) return found
    if (Object.keys(attributes).length > MOST_ATTRIBUTES)
      return `more than ${MOST_ATTRIBUTES} attributes on a point`
    if (!METRIC_NAME.test(metric.name)) return 'the name of a metric must begin with a letter'
    const name = metricName(metric.name)
    const known = this.#metrics.get(name)
    if (known !== undefined && known.kind !== kind)
      return `its metric is kept as another kind (count, gauge or distribution)`
    const tags = [...new Set([...sender.tags, ...pointTags(attributes).map(normalized)])].sort()
    const key = JSON.stringify([name, ...tags])
    const series = this.#series.get(key) ?? this.#addSeries(key, name, kind, metric, tags)
    if (typeof series === 'string') return series
    if (
      series.aliases.length < ALIASES_OF_A_SERIES &&
      alias.length <= LONGEST_ALIAS &&
      this.#aliasBytes + textBytes(alias) <= this.#limits.maxBytes * ALIAS_SHARE
    ) {
      series.aliases.push(alias)
      this.#aliases.set(alias, series)
      this.#aliasBytes += textBytes(alias)
    }
    series.metric.unit = beginning(metric.unit, 63)
    series.metric.description = beginning(metric.description, LONGEST_DESCRIPTION)
    return series
  }

  #addSeries(
    key: string,
    name: string,
    kind: MetricKind,
    { unit }: Metric,
    tags: string[],
  ): Indexed | string {
    if (this.#series.size >= this.#limits.maxSeries)
      return `the limit of ${this.#limits.maxSeries} series is reached`
    if (!this.#hasRoomInIndex(indexBytesOf(key))) return 'no room in memory for another series'
    const metric = this.#metrics.get(name) ?? { name, kind, unit, description: '', series: new Set<Series>() }
    const points = new SeriesPoints(kind === 'distribution' ? 4 : 1, this.#sketches)
    const series: Indexed = { metric, key, tags, points, streams: undefined, aliases: [], lastSeen: 0 }
    this.#metrics.set(name, metric)
    metric.series.add(series)
    this.#series.set(key, series)
    this.#indexBytes += indexBytesOf(key)
    this.#pointBytes += points.bytes
    return series
  }

  #hasRoomInIndex(more: number): boolean {
    return this.#indexBytes + more <= this.#limits.maxBytes * INDEX_SHARE
  }

  /** Removes a series that was made for a point that was then refused. */
  #forgetIfEmpty(series: Indexed): void {
    if (series.points.size === 0 && (series.streams?.bytes ?? 0) === 0) this.#forget(series)
  }

  /** Time from which on no growth of a series' cumulative streams was missed. */
  #watchedSince(key: string): bigint {
    const forgotten = this.#forgottenStreams.get(digestOf(key)) ?? 0n
    return forgotten > this.#startedAt ? forgotten : this.#startedAt
  }

  #forget(series: Indexed): void {
    this.#series.delete(series.key)
    const latestStart = series.streams?.latestStart
    if (latestStart !== undefined) this.#rememberStreams(series.key, latestStart)
    for (const alias of series.aliases) {
      this.#aliases.delete(alias)
      this.#aliasBytes -= textBytes(alias)
    }
    series.metric.series.delete(series)
    if (series.metric.series.size === 0) this.#metrics.delete(series.metric.name)
    this.#pointBytes -= series.points.bytes
    this.#indexBytes -= indexBytesOf(series.key) + (series.streams?.bytes ?? 0)
  }

  #rememberStreams(key: string, latestStart: bigint): void {
    this.#forgottenStreams.set(digestOf(key), latestStart)
    if (this.#forgottenStreams.size <= MOST_FORGOTTEN) return
    const [oldest] = this.#forgottenStreams.keys()
    this.#forgottenStreams.delete(oldest as string)
  }

  #makeRoom(): void {
    this.#fullSince ??= Date.now()
    const seconds = [...this.#bytesBySecond].sort(([one], [other]) => one - other)
    const wanted = seconds.reduce((sum, [, bytes]) => sum + bytes, 0) * EVICTED_AT_ONCE
    let freed = 0
    let horizon = this.#horizon
    for (const [second, bytes] of seconds) {
      freed += bytes
      horizon = second + 1
      if (freed >= wanted) break
    }
    this.#evictBefore(horizon)
  }

  #evictBefore(second: number): void {
    this.#horizon = second
    const idleBefore = Math.floor(Date.now() / 1000) - this.#limits.maxAgeSeconds
    for (const series of this.#series.values()) {
      const before = series.points.bytes
      this.counters.evicted += series.points.dropBefore(second)
      this.#pointBytes += series.points.bytes - before
      // The state of a cumulative stream is kept while the stream may go on.
      if (series.points.size === 0 && (series.streams === undefined || series.lastSeen < idleBefore))
        this.#forget(series)
    }
    for (const known of this.#bytesBySecond.keys()) if (known < second) this.#bytesBySecond.delete(known)
  }
}

interface Sender {
  readonly key: string
  /** Normalized, with the host. */
  readonly tags: readonly string[]
}

function senderOf(resource: Attributes): Sender {
  const copied = Object.fromEntries(
    COPIED.flatMap((name) => (resource[name] === undefined ? [] : [[name, resource[name]]])),
  )
  const host = hostOf(resource)
  const tags = [
    ...resourceTags(resource),
    ...pointTags(copied),
    ...(host === '' ? [] : [`host:${host}`]),
  ].map(normalized)
  return { key: JSON.stringify(tags), tags }
}

/** Finds a series again without normalizing and sorting its tags. */
function aliasOf(name: string, kind: MetricKind, sender: Sender, attributes: Attributes): string {
  let texts = ''
  for (const key in attributes) {
    const value = attributes[key]
    const text = typeof value === 'string' ? value : `\u0000${JSON.stringify(value, bigintAsText)}`
    // Lengths, so no text can be taken for a separator.
    texts += `${key.length},${text.length}:${key}${text}`
  }
  return `${kind[0]}${name.length}:${name}${sender.key}${texts}`
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

/** Datadog keeps letters, digits, underscores and points (docs "Custom metrics", naming). */
function metricName(name: string): string {
  return beginning(name, 200).replaceAll(/[^A-Za-z0-9_.]/g, '_')
}

function digestOf(key: string): string {
  return hash('sha1', key, 'base64')
}

function textBytes(text: string): number {
  return text.length * 2 + 64
}

/** The key holds the tags' texts once more. */
function indexBytesOf(key: string): number {
  return SERIES_OVERHEAD_BYTES + 2 * textBytes(key)
}

function sizeOfState(data: NonNullable<Metric['data']>, index: number): number {
  if (data.kind === 'histogram') return 400 + 16 * data.points[index]!.bounds.length
  if (data.kind !== 'exponential histogram') return 200
  const { positive, negative } = data.points[index]!
  return 400 + 8 * (positive.counts.length + negative.counts.length)
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { HrTime } from '@opentelemetry/api'
import {
  type AggregationSelector,
  AggregationTemporality,
  type AggregationTemporalitySelector,
  type CollectionResult,
  type MetricCollectOptions,
  type MetricProducer,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Clock } from './clock.ts'
import type { Seconds } from './seconds.ts'

export interface DurableReaderOptions {
  readonly aggregationSelector: AggregationSelector
  readonly aggregationTemporalitySelector: AggregationTemporalitySelector
  readonly cardinalityLimit: number
  /** What is recorded without the SDK. */
  readonly producer: MetricProducer | undefined
  readonly intervalMs: number
  /** The first interval may end sooner, or at the first later multiple of this at which it can be handed over. */
  readonly firstIntervalMs: number
  /** After so long an asynchronous callback is given up, and all others are collected. */
  readonly collectTimeoutMs: number
  readonly clock: Clock
  readonly seconds: Seconds
  /** Whether another interval may be handed over; while it may not, deltas go on merging in the SDK. */
  readonly hasRoom: () => boolean
  /** Resolves when intervals can be handed over, or when there is no hope for it. */
  readonly untilOpened: () => Promise<unknown>
  /** How long a shutdown may take from now on. */
  readonly timeLeftMs: () => number
  /** Takes an interval over; `time` is its end, in milliseconds. */
  readonly accept: (metrics: ResourceMetrics, points: number, time: number) => Promise<void>
  readonly onError: (error: unknown) => void
}

/**
 * Collects at each interval, like the SDK's periodic reader, but only what somebody takes over: a collected delta is
 * nowhere else. Gives each interval an end in a second of its own.
 */
export class DurableMetricReader extends MetricReader {
  readonly #options: DurableReaderOptions
  #timer: NodeJS.Timeout | undefined
  #hasBegun = false
  #collecting: Promise<void> | undefined
  /** The times of the last collection, the SDK's and its producer's, and the one that was given to them. */
  #before: { collected: ReadonlySet<number>; given: number } | undefined
  /** Of series that go on: where they begin instead, by where they do, once that was not before their end. */
  readonly #earlierStarts = new Map<number, number>()

  constructor(options: DurableReaderOptions) {
    super({
      aggregationSelector: options.aggregationSelector,
      aggregationTemporalitySelector: options.aggregationTemporalitySelector,
      cardinalitySelector: () => options.cardinalityLimit,
    })
    this.#options = options
  }

  protected override onInitialized(): void {
    this.#tickAt(performance.now() + this.#pauseMs)
  }

  get #pauseMs(): number {
    const { firstIntervalMs, intervalMs } = this.#options
    return this.#hasBegun ? intervalMs : Math.min(firstIntervalMs, intervalMs)
  }

  /**
   * At fixed distances: pauses one after the other would grow by what each tick is late, and every so often a chart's
   * bucket as long as the interval would have no point.
   */
  #tickAt(dueMs: number): void {
    this.#timer = setTimeout(() => {
      this.#tick()
      const nextMs = dueMs + this.#pauseMs
      // What was missed, asleep for instance, is not made up for.
      this.#tickAt(nextMs > performance.now() ? nextMs : performance.now() + this.#pauseMs)
    }, dueMs - performance.now()).unref()
  }

  protected override async onForceFlush(): Promise<void> {
    this.#tick()
    await this.#collecting
  }

  /**
   * After the SDK, and not beside it as the producers of its own option: a collection that waits for a callback that hangs
   * would have taken what the last one of a shutdown must send.
   */
  override async collect(options?: MetricCollectOptions): Promise<CollectionResult> {
    const { resourceMetrics, errors } = await super.collect(options)
    const produced = await this.#options.producer?.collect(options)
    if (!produced) return { resourceMetrics, errors }
    const scopeMetrics = [...resourceMetrics.scopeMetrics, ...produced.resourceMetrics.scopeMetrics]
    return { resourceMetrics: { ...resourceMetrics, scopeMetrics }, errors: [...errors, ...produced.errors] }
  }

  /** The last interval: it ends now if this second is free, and else in the next. */
  protected override async onShutdown(): Promise<void> {
    clearTimeout(this.#timer)
    const { seconds, clock, untilOpened } = this.#options
    await untilOpened()
    // It may hang in a callback; what it has not taken yet, the last one takes.
    if (this.#collecting) await Promise.race([this.#collecting, sleep(this.#callbackMs)])
    await this.#secondIsFree()
    await this.#collectUntil(seconds.final(clock.now()))
  }

  /** Half of the time that is left, so that callbacks that hang leave the other half for sending. */
  get #callbackMs(): number {
    const { collectTimeoutMs, timeLeftMs } = this.#options
    return Math.max(1, Math.min(collectTimeoutMs, timeLeftMs() / 2))
  }

  /** In short steps, since the clock may be set meanwhile. */
  async #secondIsFree(): Promise<void> {
    const { seconds, clock, timeLeftMs } = this.#options
    for (;;) {
      const wait = Math.min(seconds.waitForFinal(clock.now()), timeLeftMs(), LONGEST_STEP_MS)
      if (wait <= 0) return
      await sleep(wait)
    }
  }

  #tick(): void {
    const { hasRoom, seconds, clock } = this.#options
    if (this.#collecting || !hasRoom()) return
    const end = seconds.next(clock.now())
    if (end === undefined) return
    this.#hasBegun = true
    this.#collecting = this.#collectUntil(end).finally(() => {
      this.#collecting = undefined
    })
  }

  async #collectUntil(end: number): Promise<void> {
    try {
      this.#options.seconds.take(end)
      const { resourceMetrics, errors } = await this.collect({ timeoutMillis: this.#callbackMs })
      for (const error of errors) this.#options.onError(error)
      const points = this.#stamp(resourceMetrics, end)
      if (points > 0) await this.#options.accept(resourceMetrics, points, end)
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** Writes `end` into each point, and what was written last into each that begins there. Returns their number. */
  #stamp({ scopeMetrics }: ResourceMetrics, end: number): number {
    const endTime = toHrTime(end)
    let points = 0
    const collected = new Set<number>()
    for (const { metrics } of scopeMetrics)
      for (const { dataPoints, aggregationTemporality } of metrics)
        for (const point of dataPoints as { startTime: HrTime; endTime: HrTime }[]) {
          collected.add(toMs(point.endTime))
          const start = toMs(point.startTime)
          const given =
            aggregationTemporality === AggregationTemporality.DELTA
              ? this.#startOfDelta(start, end)
              : this.#startOfTotal(start, end)
          point.startTime = toHrTime(given)
          point.endTime = endTime
          points += 1
        }
    if (collected.size > 0) this.#before = { collected, given: end }
    return points
  }

  // A start after the end: a clock that was set back, or a record made since the end was chosen.

  #startOfDelta(start: number, end: number): number {
    const given = this.#before?.collected.has(start) ? this.#before.given : start
    return Math.min(given, end)
  }

  /**
   * The same for all points of a series: another start says that it began anew, and all of it is counted again. Before
   * the end, because a start that is the end says that nobody knows since when it counts.
   */
  #startOfTotal(start: number, end: number): number {
    const given = Math.min(this.#earlierStarts.get(start) ?? start, end - 1)
    if (given !== start) this.#earlierStarts.set(start, given)
    return given
  }
}

const LONGEST_STEP_MS = 50

function toMs([seconds, nanoseconds]: HrTime): number {
  return seconds * 1000 + Math.round(nanoseconds / 1e6)
}

function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, (ms - seconds * 1000) * 1e6]
}

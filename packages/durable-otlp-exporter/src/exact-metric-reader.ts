import { setTimeout as sleep } from 'node:timers/promises'
import { context, diag } from '@opentelemetry/api'
import { type ExportResult, ExportResultCode, globalErrorHandler, suppressTracing } from '@opentelemetry/core'
import {
  type CollectionResult,
  type MetricCollectOptions,
  type MetricProducer,
  MetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'

/** Optional methods of an exporter for the reader. An exporter without them always has room. */
export interface BackPressure {
  /** Whether the exporter can take an interval that ends now. Until then deltas go on merging in the SDK. */
  hasRoom(): boolean
  /** The time of a shutdown begins. Resolves when the exporter can take an interval, or when it no longer can in time. */
  beginShutdown(): Promise<void>
  /** The rest of the time of a shutdown. */
  readonly timeLeftMs: number
  /** The time until an interval can end at its true time. */
  readonly secondIsFreeInMs: number
}

export interface ExactMetricReaderOptions {
  readonly exporter: PushMetricExporter & Partial<BackPressure>
  readonly exportIntervalMillis?: number
  /** The first interval may end sooner, or at the first later multiple of this at which it can be handed over. */
  readonly firstIntervalMillis?: number
  /** After this time a hanging asynchronous callback is given up, and all others are collected. */
  readonly collectTimeoutMillis?: number
  /** Series of one metric in one interval. One of them is for all further series. */
  readonly cardinalityLimit?: number
  /** Sources of metrics recorded without the SDK. */
  readonly metricProducers?: readonly MetricProducer[]
  /** For failed collections. Default: OpenTelemetry's `diag`. */
  readonly onError?: (error: unknown) => void
}

/**
 * Collects at each interval, like the SDK's periodic reader, but only if the exporter has room: a collected delta exists
 * nowhere else. The last interval, at the shutdown, waits until it can end at its true time.
 */
export class ExactMetricReader extends MetricReader {
  readonly #exporter: ExactMetricReaderOptions['exporter']
  readonly #producers: readonly MetricProducer[]
  readonly #intervalMs: number
  readonly #firstIntervalMs: number
  readonly #collectTimeoutMs: number
  readonly #onError: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #hasBegun = false
  #collecting: Promise<void> | undefined

  constructor(options: ExactMetricReaderOptions) {
    const { exporter, exportIntervalMillis = 60_000, cardinalityLimit = 2000 } = options
    super({
      ...(exporter.selectAggregation && { aggregationSelector: exporter.selectAggregation.bind(exporter) }),
      ...(exporter.selectAggregationTemporality && {
        aggregationTemporalitySelector: exporter.selectAggregationTemporality.bind(exporter),
      }),
      cardinalitySelector: () => cardinalityLimit,
    })
    this.#exporter = exporter
    this.#producers = options.metricProducers ?? []
    this.#intervalMs = exportIntervalMillis
    this.#firstIntervalMs = Math.min(
      options.firstIntervalMillis ?? exportIntervalMillis,
      exportIntervalMillis,
    )
    this.#collectTimeoutMs = options.collectTimeoutMillis ?? 30_000
    this.#onError = options.onError ?? ((error) => diag.error('ExactMetricReader', error))
  }

  protected override onInitialized(): void {
    this.#tickAt(performance.now() + this.#pauseMs)
  }

  get #pauseMs(): number {
    return this.#hasBegun ? this.#intervalMs : this.#firstIntervalMs
  }

  /**
   * At fixed distances: a chain of pauses would grow by the delay of each tick, and now and then a chart's bucket of the
   * interval's length would have no point.
   */
  #tickAt(dueMs: number): void {
    this.#timer = setTimeout(() => {
      this.#tick()
      const nextMs = dueMs + this.#pauseMs
      // Missed ticks, such as during a machine's sleep, are skipped.
      this.#tickAt(nextMs > performance.now() ? nextMs : performance.now() + this.#pauseMs)
    }, dueMs - performance.now()).unref()
  }

  protected override async onForceFlush(): Promise<void> {
    this.#tick()
    await this.#collecting
    await this.#exporter.forceFlush()
  }

  /**
   * Producers after the SDK, and not beside it as with the SDK's own option: a collection that waits for a hanging callback
   * would already have taken the data of a shutdown's last collection.
   */
  override async collect(options?: MetricCollectOptions): Promise<CollectionResult> {
    const { resourceMetrics, errors } = await super.collect(options)
    const produced = await Promise.all(this.#producers.map((producer) => producer.collect(options)))
    const scopeMetrics = produced.flatMap((each) => each.resourceMetrics.scopeMetrics)
    return {
      resourceMetrics: {
        ...resourceMetrics,
        scopeMetrics: [...resourceMetrics.scopeMetrics, ...scopeMetrics],
      },
      errors: [...errors, ...produced.flatMap((each) => each.errors)],
    }
  }

  protected override async onShutdown(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#exporter.beginShutdown?.()
    // It may hang in a callback. The last collection takes the rest.
    if (this.#collecting) await Promise.race([this.#collecting, sleep(this.#callbackMs)])
    await this.#secondIsFree()
    await this.#collect()
    await this.#exporter.shutdown()
  }

  /** Half of the time that is left: hanging callbacks leave the other half for sending. */
  get #callbackMs(): number {
    const { timeLeftMs = Number.POSITIVE_INFINITY } = this.#exporter
    return Math.max(1, Math.min(this.#collectTimeoutMs, timeLeftMs / 2))
  }

  /** In short steps, because the clock may be set meanwhile. */
  async #secondIsFree(): Promise<void> {
    for (;;) {
      const { secondIsFreeInMs = 0, timeLeftMs = 0 } = this.#exporter
      const wait = Math.min(secondIsFreeInMs, timeLeftMs, LONGEST_STEP_MS)
      if (wait <= 0) return
      await sleep(wait)
    }
  }

  #tick(): void {
    if (this.#collecting || this.#exporter.hasRoom?.() === false) return
    this.#hasBegun = true
    this.#collecting = this.#collect().finally(() => {
      this.#collecting = undefined
    })
  }

  async #collect(): Promise<void> {
    try {
      const { resourceMetrics, errors } = await this.collect({ timeoutMillis: this.#callbackMs })
      for (const error of errors) this.#onError(error)
      if (resourceMetrics.scopeMetrics.length === 0) return
      const { promise, resolve } = Promise.withResolvers<ExportResult>()
      context.with(suppressTracing(context.active()), () => this.#exporter.export(resourceMetrics, resolve))
      const { code, error } = await promise
      // As the SDK's own readers do. Our exporter reports its failures itself.
      if (code !== ExportResultCode.SUCCESS) globalErrorHandler(error ?? new Error('the export failed'))
    } catch (error) {
      this.#onError(error)
    }
  }
}

const LONGEST_STEP_MS = 50

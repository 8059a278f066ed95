import type { Resource } from '@opentelemetry/resources'
import type { LogRecordProcessor, ReadWriteLogRecord } from '@opentelemetry/sdk-logs'
import type { MetricProducer, MetricReader, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'
import { ATTR_SERVICE_INSTANCE_ID } from '@opentelemetry/semantic-conventions'
import { Batcher } from './batcher.ts'
import type { BodyFile } from './body-file.ts'
import { Bookkeeper, type Books } from './books.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Environment } from './environment.ts'
import { describeError } from './errors.ts'
import { exporterKind } from './exporter-kind.ts'
import { FORMATS } from './formats.ts'
import { Lane, type LaneOptions } from './lane.ts'
import { chooseAggregation, chooseTemporality } from './metric-preferences.ts'
import { DurableMetricReader } from './metric-reader.ts'
import type { Notices } from './notices.ts'
import type { OtlpSettings, Signal } from './otlp-settings.ts'
import { logRecordProcessor, spanProcessor } from './processors.ts'
import { RETRY_PACE, type RetryPace } from './retry.ts'
import { Seconds } from './seconds.ts'
import { SetAside } from './set-aside.ts'
import { readBatching, readMetricTimes } from './settings.ts'
import type { Storage } from './shelf.ts'
import { Spool } from './spool.ts'

export interface ExportOptions {
  /** Where waiting and refused bodies are kept; without it, only memory. */
  readonly directory?: string
  /** Bodies of a signal that may wait before nothing more is collected, or goes to disk. */
  readonly waitingMax?: number
  /** Larger bodies of spans or log records are split before they are sent; before compression. */
  readonly bodyMaxBytes?: number
  /** The same for metrics. */
  readonly metricsBodyMaxBytes?: number
  readonly spoolMaxBytes?: number
  readonly setAsideMaxBytes?: number
  /** Older metrics are set aside; 0 sends them however old. */
  readonly metricsMaxAgeSeconds?: number
  /** The first interval of metrics ends so soon, where the others are longer; like the others unless told. */
  readonly firstIntervalMs?: number
  readonly clock?: Clock
  readonly pace?: RetryPace
}

export interface PipelineOptions extends ExportOptions {
  readonly environment: Environment
  readonly resource: Resource
  readonly notices: Notices
  readonly userAgent: string
  /** Metrics that are recorded without the SDK. */
  readonly producer?: MetricProducer
}

const KIB = 1024
const MIB = 1024 * KIB
const DEFAULTS = {
  waitingMax: 3,
  bodyMaxBytes: 4 * MIB,
  metricsBodyMaxBytes: 128 * KIB,
  spoolMaxBytes: 256 * MIB,
  setAsideMaxBytes: 64 * MIB,
  metricsMaxAgeSeconds: 3600,
  firstIntervalMs: Number.POSITIVE_INFINITY,
  clock: systemClock,
  pace: RETRY_PACE,
}

/** Above what the catalogue allows: every attribute is from a closed set, and the SDK's 2000 would fold real series. */
export const CARDINALITY_LIMIT = 20_000

/** Intervals merge from this part of the greatest age on: ten minutes of Datadog's hour. */
const MERGED_FROM = 6

/** How often folders of processes that have died are looked for. */
const ADOPTION_MS = 30_000

/**
 * From the SDK to the receiver, for each signal that goes over OTLP: nothing is given up before it is acknowledged,
 * set aside or counted as dropped.
 */
export class ExportPipeline {
  readonly metrics: MetricReader | undefined
  readonly spans: SpanProcessor | undefined
  readonly logs: LogRecordProcessor | undefined

  readonly #options: typeof DEFAULTS & PipelineOptions
  readonly #lanes = new Map<Signal, Lane>()
  readonly #batchers = new Map<Signal, Pick<Batcher<never>, 'waiting' | 'end'>>()
  readonly #bookkeepers = { metrics: new Bookkeeper(), traces: new Bookkeeper(), logs: new Bookkeeper() }
  readonly #seconds: Seconds
  /** Resolves to whether anything can be sent or kept: false when there is no hope for it. */
  readonly #opened = Promise.withResolvers<boolean>()
  readonly #ending = new AbortController()
  #deadline = Number.POSITIVE_INFINITY
  #isOpen = false
  #hasEnded = false
  #spool: Spool | undefined
  #adoption: NodeJS.Timeout | undefined
  #adopting: Promise<void> | undefined

  constructor(options: PipelineOptions) {
    this.#options = { ...DEFAULTS, ...defined(options) }
    const { clock, environment } = this.#options
    this.#seconds = new Seconds(clock.now() - performance.now())
    if (exporterKind(environment, 'metrics') === 'otlp') this.metrics = this.#metricReader()
    if (exporterKind(environment, 'traces') === 'otlp') this.spans = this.#spanProcessor()
    if (exporterKind(environment, 'logs') === 'otlp') this.logs = this.#logRecordProcessor()
    if (this.#lanes.size === 0) this.#opened.resolve(true)
    else void this.#open().catch((error) => this.#cannotOpen(error))
  }

  /** What became of everything, at this moment. */
  books(): Books {
    const account = (signal: Signal) => this.#bookkeepers[signal].account(this.#waiting(signal))
    return { metrics: account('metrics'), traces: account('traces'), logs: account('logs') }
  }

  /** Requests that were sent again. */
  resent(signal: Signal): number {
    return this.#bookkeepers[signal].resent
  }

  bookkeeper(signal: Signal): Bookkeeper {
    return this.#bookkeepers[signal]
  }

  get signals(): Signal[] {
    return [...this.#lanes.keys()]
  }

  /** Before the providers are shut down, whose last batches come then: all has to be done by `timeoutMs` from now. */
  beginEnd(timeoutMs: number): void {
    this.#deadline = performance.now() + timeoutMs
    this.#ending.abort()
    for (const { outbox } of this.#lanes.values()) outbox.beginEnd()
    const timer = setTimeout(() => this.#opened.resolve(false), timeoutMs)
    void this.#opened.promise.finally(() => clearTimeout(timer))
  }

  /** After the providers were shut down: sends what it can and puts the rest on disk. */
  async end(): Promise<{ isComplete: boolean; onDisk: Partial<Record<Signal, number>>; dropped: number }> {
    const isComplete = await this.#opened.promise
    this.#hasEnded = true
    clearInterval(this.#adoption)
    await this.#adopting
    const onDisk: Partial<Record<Signal, number>> = {}
    let dropped = 0
    await Promise.all(
      [...this.#lanes].map(async ([signal, lane]) => {
        dropped += this.#batchers.get(signal)?.end(isComplete) ?? 0
        const closed = await lane.end(isComplete ? this.#timeLeftMs : 0)
        if (closed.onDisk > 0) onDisk[signal] = closed.onDisk
        dropped += closed.dropped
      }),
    )
    await this.#spool?.release()
    return { isComplete, onDisk, dropped }
  }

  get #timeLeftMs(): number {
    return Math.max(0, this.#deadline - performance.now())
  }

  async #open(): Promise<void> {
    const { resource, directory, notices, setAsideMaxBytes } = this.#options
    await resource.waitForAsyncAttributes?.()
    const instanceId = String(resource.attributes[ATTR_SERVICE_INSTANCE_ID] ?? 'unknown')
    let storage: Storage = { spool: undefined, setAside: undefined, isWanted: directory !== undefined }
    let restored: BodyFile[] = []
    if (directory !== undefined) {
      storage = { ...storage, setAside: new SetAside(directory, setAsideMaxBytes) }
      try {
        this.#spool = await this.#openSpool(directory, instanceId)
        storage = { ...storage, spool: this.#spool }
        restored = [...(await this.#spool.restore()), ...(await this.#spool.adopt())]
      } catch (error) {
        notices.say('warn', 'waiting telemetry cannot be kept on disk', {
          directory,
          error: describeError(error),
        })
      }
    }
    // Too late: nobody waits for it any more.
    if (this.#hasEnded) return this.#spool?.release()
    for (const { outbox } of this.#lanes.values()) outbox.open(storage, restored)
    this.#isOpen = true
    if (this.#spool) this.#adoption = setInterval(() => this.#adopt(), ADOPTION_MS).unref()
    this.#opened.resolve(true)
  }

  #cannotOpen(error: unknown): void {
    this.#options.notices.say('warn', 'export cannot begin', { error: describeError(error) })
    this.#opened.resolve(false)
  }

  async #openSpool(directory: string, instanceId: string): Promise<Spool> {
    const { spoolMaxBytes, notices, clock } = this.#options
    const { signal } = this.#ending
    const spool = await Spool.open({ directory, instanceId, maxBytes: spoolMaxBytes, signal })
    if (spool.isShared)
      notices.say(
        'warn',
        'two live processes have one service.instance.id: their points replace each other; set INSTANCE_ID',
        {
          instanceId,
        },
      )
    const second = await spool.lastSecond()
    if (second !== undefined) this.#seconds.remember(second, clock.now())
    return spool
  }

  #adopt(): void {
    this.#adopting ??= (async () => {
      const files = await this.#spool?.adopt().catch(() => [])
      for (const { outbox } of this.#lanes.values()) outbox.adopt(files ?? [])
    })().finally(() => {
      this.#adopting = undefined
    })
  }

  #metricReader(): MetricReader {
    const {
      environment,
      clock,
      notices,
      firstIntervalMs,
      metricsMaxAgeSeconds,
      metricsBodyMaxBytes,
      producer,
    } = this.#options
    const times = readMetricTimes(environment)
    const lane = this.#lane('metrics', {
      timeoutMillis: times.timeoutMillis,
      // The reader stops at the bound: a collected interval has no other place to stay in.
      memoryMax: Number.POSITIVE_INFINITY,
      maxAgeMs: metricsMaxAgeSeconds * 1000,
      bodyMaxBytes: metricsBodyMaxBytes,
    })
    return new DurableMetricReader({
      aggregationSelector: chooseAggregation(environment),
      aggregationTemporalitySelector: chooseTemporality(environment),
      cardinalityLimit: CARDINALITY_LIMIT,
      producer,
      intervalMs: times.exportIntervalMillis,
      firstIntervalMs,
      collectTimeoutMs: times.timeoutMillis,
      clock,
      seconds: this.#seconds,
      hasRoom: () => this.#isOpen && lane.hasRoom && !this.#mustMerge(lane),
      untilOpened: () => this.#opened.promise,
      timeLeftMs: () => this.#timeLeftMs,
      accept: (metrics, points, time) => this.#acceptMetrics(lane, metrics, points, time),
      onError: (error) =>
        notices.sayOnce('warn', 'metrics could not be collected', { error: describeError(error) }),
    })
  }

  /**
   * Whether intervals that wait have grown so old that more of them might be too old when they can be sent: what merges
   * ends when it is collected, however long that takes.
   */
  #mustMerge({ outbox }: Lane): boolean {
    const { clock, waitingMax, metricsMaxAgeSeconds } = this.#options
    if (outbox.waitingBodies < waitingMax || metricsMaxAgeSeconds === 0) return false
    return clock.now() - outbox.oldestTime > (metricsMaxAgeSeconds * 1000) / MERGED_FROM
  }

  async #acceptMetrics(lane: Lane, metrics: ResourceMetrics, points: number, time: number): Promise<void> {
    lane.books.recorded += points
    if (!this.#isOpen) {
      // The last interval of a process that never came to export.
      lane.books.droppedBy.shutdown += points
      return
    }
    // Before the bytes can leave: whoever bears the name next must know.
    const remembered = this.#spool?.rememberSecond(Math.floor(time / 1000)).catch((error) => {
      this.#options.notices.sayOnce('warn', 'waiting telemetry cannot be kept on disk', {
        error: describeError(error),
      })
    })
    await lane.take(
      points,
      time,
      (protocol) => FORMATS.metrics[protocol].serializeRequest(metrics),
      remembered,
    )
  }

  #spanProcessor(): SpanProcessor {
    const times = readBatching(this.#options.environment, 'OTEL_BSP', 5000)
    const { batcher, flush } = this.#batcher<ReadableSpan>('traces', times, (batch, protocol) =>
      FORMATS.traces[protocol].serializeRequest(batch),
    )
    return spanProcessor({ add: (span) => batcher.add(span), flush })
  }

  #logRecordProcessor(): LogRecordProcessor {
    const times = readBatching(this.#options.environment, 'OTEL_BLRP', 1000)
    const { batcher, flush } = this.#batcher<ReadWriteLogRecord>('logs', times, (batch, protocol) =>
      FORMATS.logs[protocol].serializeRequest(batch),
    )
    return logRecordProcessor({ add: (record) => batcher.add(record), flush })
  }

  #batcher<T>(
    signal: 'traces' | 'logs',
    times: ReturnType<typeof readBatching>,
    serialize: (batch: T[], protocol: OtlpSettings['protocol']) => Uint8Array | undefined,
  ) {
    const { clock, waitingMax, bodyMaxBytes } = this.#options
    const lane = this.#lane(signal, {
      timeoutMillis: times.exportTimeoutMillis,
      memoryMax: waitingMax,
      maxAgeMs: 0,
      bodyMaxBytes,
      onRoom: () => batcher.passOn(),
    })
    const batcher: Batcher<T> = new Batcher<T>({
      delayMs: times.scheduledDelayMillis,
      maxQueue: times.maxQueueSize,
      maxBatch: times.maxExportBatchSize,
      books: lane.books,
      isReady: () => this.#isOpen,
      hasRoom: () => lane.hasRoom,
      canSpill: () => lane.canSpill,
      accept: (batch) => void lane.take(batch.length, clock.now(), (protocol) => serialize(batch, protocol)),
    })
    this.#batchers.set(signal, batcher)
    const flush = async () => {
      if (await this.#opened.promise) batcher.flush()
      await lane.settled()
    }
    return { batcher, flush }
  }

  #lane(
    signal: Signal,
    bounds: Pick<LaneOptions, 'timeoutMillis' | 'memoryMax' | 'maxAgeMs' | 'bodyMaxBytes' | 'onRoom'>,
  ): Lane {
    const lane = new Lane({
      ...this.#options,
      ...bounds,
      signal,
      booksOf: (which) => this.#bookkeepers[which],
    })
    this.#lanes.set(signal, lane)
    return lane
  }

  #waiting(signal: Signal): number {
    return (this.#batchers.get(signal)?.waiting ?? 0) + (this.#lanes.get(signal)?.waiting ?? 0)
  }
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}

import type { Resource } from '@opentelemetry/resources'
import type { LogRecordProcessor, ReadWriteLogRecord } from '@opentelemetry/sdk-logs'
import type { MetricReader, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'
import { ATTR_SERVICE_INSTANCE_ID } from '@opentelemetry/semantic-conventions'
import type { Environment } from '../environment.ts'
import { exporterKind } from '../exporter-kind.ts'
import { chooseAggregation, chooseTemporality } from '../metric-preferences.ts'
import type { Notices } from '../notices.ts'
import { readOtlp, type Signal } from '../otlp-settings.ts'
import { readBatching, readMetricTimes } from '../settings.ts'
import { Batcher } from './batcher.ts'
import { type BodyDescription, makeBodies } from './body.ts'
import { Bookkeeper, type Books } from './books.ts'
import { type Clock, systemClock } from './clock.ts'
import { describeError } from './errors.ts'
import { FORMATS, partialSuccessReader } from './formats.ts'
import { DurableMetricReader } from './metric-reader.ts'
import { Outbox } from './outbox.ts'
import { poster } from './post.ts'
import { logRecordProcessor, spanProcessor } from './processors.ts'
import { RETRY_PACE, type RetryPace } from './retry.ts'
import { Seconds } from './seconds.ts'
import { SetAside } from './set-aside.ts'
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
  readonly clock?: Clock
  readonly pace?: RetryPace
}

export interface PipelineOptions extends ExportOptions {
  readonly environment: Environment
  readonly resource: Resource
  readonly notices: Notices
  readonly userAgent: string
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
  clock: systemClock,
  pace: RETRY_PACE,
}

/** Above what the catalogue allows: every attribute is from a closed set, and the SDK's 2000 would fold real series. */
const CARDINALITY_LIMIT = 20_000

/** How often folders of processes that have died are looked for. */
const ADOPTION_MS = 30_000

interface Lane {
  readonly outbox: Outbox
  readonly books: Bookkeeper
  readonly describe: (items: number, time: number) => BodyDescription
  /** Bodies that are being made, and their items. */
  readonly preparing: { bodies: number; items: number }
  readonly batcher: { readonly waiting: number; discard(): number; passOn(): void } | undefined
  readonly close: () => void
}

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
  readonly #bookkeepers = { metrics: new Bookkeeper(), traces: new Bookkeeper(), logs: new Bookkeeper() }
  readonly #seconds: Seconds
  readonly #preparations = new Set<Promise<void>>()
  readonly #opened: Promise<void>
  readonly #patience = Promise.withResolvers<boolean>()
  #deadline = Number.POSITIVE_INFINITY
  #isOpen = false
  #spool: Spool | undefined
  #adoption: NodeJS.Timeout | undefined

  constructor(options: PipelineOptions) {
    this.#options = { ...DEFAULTS, ...defined(options) }
    const { clock, environment } = this.#options
    this.#seconds = new Seconds(clock.now() - performance.now())
    if (exporterKind(environment, 'metrics') === 'otlp') this.metrics = this.#metricReader()
    if (exporterKind(environment, 'traces') === 'otlp') this.spans = this.#spanProcessor()
    if (exporterKind(environment, 'logs') === 'otlp') this.logs = this.#logRecordProcessor()
    this.#opened = this.#lanes.size > 0 ? this.#open() : Promise.resolve()
    void this.#opened.then(() => this.#patience.resolve(true))
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
    for (const { outbox } of this.#lanes.values()) outbox.beginEnd()
    const timer = setTimeout(() => this.#patience.resolve(false), timeoutMs)
    void this.#patience.promise.finally(() => clearTimeout(timer))
  }

  /** After the providers were shut down: sends what it can and puts the rest on disk. */
  async end(): Promise<{ isComplete: boolean; onDisk: Partial<Record<Signal, number>>; dropped: number }> {
    const isComplete = await this.#patience.promise
    clearInterval(this.#adoption)
    await Promise.allSettled(this.#preparations)
    const onDisk: Partial<Record<Signal, number>> = {}
    let dropped = 0
    await Promise.all(
      [...this.#lanes].map(async ([signal, { outbox, books, batcher, close }]) => {
        const lost = batcher?.discard() ?? 0
        books.droppedBy.shutdown += lost
        if (isComplete) await outbox.flush(Math.max(0, this.#deadline - performance.now()))
        const closed = await outbox.close()
        if (closed.onDisk > 0) onDisk[signal] = closed.onDisk
        dropped += closed.dropped + lost
        close()
      }),
    )
    await this.#spool?.release()
    return { isComplete, onDisk, dropped }
  }

  async #open(): Promise<void> {
    const { resource, directory, notices, setAsideMaxBytes } = this.#options
    await resource.waitForAsyncAttributes?.()
    const instanceId = String(resource.attributes[ATTR_SERVICE_INSTANCE_ID] ?? 'unknown')
    let storage: Storage = { spool: undefined, setAside: undefined, isWanted: directory !== undefined }
    let restored: Awaited<ReturnType<Spool['restore']>> = []
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
    for (const { outbox } of this.#lanes.values()) outbox.open(storage, restored)
    this.#isOpen = true
    if (this.#spool) this.#adoption = setInterval(() => void this.#adopt(), ADOPTION_MS).unref()
  }

  async #openSpool(directory: string, instanceId: string): Promise<Spool> {
    const { spoolMaxBytes, notices, clock } = this.#options
    const spool = await Spool.open({ directory, instanceId, maxBytes: spoolMaxBytes })
    if (spool.isShared)
      notices.say(
        'warn',
        'two live processes have one service.instance.id: their points replace each other',
        {
          instanceId,
        },
      )
    const second = await spool.lastSecond()
    if (second !== undefined) this.#seconds.remember(second, clock.now())
    return spool
  }

  async #adopt(): Promise<void> {
    const files = await this.#spool?.adopt().catch(() => [])
    for (const { outbox } of this.#lanes.values()) outbox.adopt(files ?? [])
  }

  #metricReader(): MetricReader {
    const { environment, clock, notices, waitingMax, metricsMaxAgeSeconds } = this.#options
    const times = readMetricTimes(environment)
    const lane = this.#lane('metrics', times.timeoutMillis, {
      // The reader stops at the bound: a collected interval has no other place to stay in.
      memoryMax: Number.POSITIVE_INFINITY,
      maxAgeMs: metricsMaxAgeSeconds * 1000,
    })
    return new DurableMetricReader({
      aggregationSelector: chooseAggregation(environment),
      aggregationTemporalitySelector: chooseTemporality(environment),
      cardinalityLimit: CARDINALITY_LIMIT,
      intervalMs: times.exportIntervalMillis,
      clock,
      seconds: this.#seconds,
      hasRoom: () => this.#isOpen && lane.outbox.waitingBodies < waitingMax,
      untilReady: () => this.#patience.promise,
      accept: (metrics, points, time) => this.#acceptMetrics(lane, metrics, points, time),
      onError: (error) =>
        notices.sayOnce('warn', 'metrics could not be collected', { error: describeError(error) }),
    })
  }

  async #acceptMetrics(lane: Lane, metrics: ResourceMetrics, points: number, time: number): Promise<void> {
    lane.books.recorded += points
    const description = lane.describe(points, time)
    // Before the bytes can leave: whoever bears the name next must know.
    const remembered = this.#spool?.rememberSecond(Math.floor(time / 1000)).catch((error) => {
      this.#options.notices.sayOnce('warn', 'waiting telemetry cannot be kept on disk', {
        error: describeError(error),
      })
    })
    await this.#prepare(
      lane,
      description,
      FORMATS.metrics[description.protocol].serializeRequest(metrics),
      remembered,
    )
  }

  #spanProcessor(): SpanProcessor {
    const times = readBatching(this.#options.environment, 'OTEL_BSP', 5000)
    const batcher: Batcher<ReadableSpan> = this.#batcher('traces', times, (batch, protocol) =>
      FORMATS.traces[protocol].serializeRequest(batch),
    )
    return spanProcessor({ add: (span) => batcher.add(span), flush: () => this.#flush(batcher) })
  }

  #logRecordProcessor(): LogRecordProcessor {
    const times = readBatching(this.#options.environment, 'OTEL_BLRP', 1000)
    const batcher: Batcher<ReadWriteLogRecord> = this.#batcher('logs', times, (batch, protocol) =>
      FORMATS.logs[protocol].serializeRequest(batch),
    )
    return logRecordProcessor({ add: (record) => batcher.add(record), flush: () => this.#flush(batcher) })
  }

  async #flush(batcher: { flush(): void }): Promise<void> {
    if (await this.#patience.promise) batcher.flush()
    await Promise.allSettled(this.#preparations)
  }

  #batcher<T>(
    signal: 'traces' | 'logs',
    times: ReturnType<typeof readBatching>,
    serialize: (batch: T[], protocol: BodyDescription['protocol']) => Uint8Array | undefined,
  ): Batcher<T> {
    const lane: Lane = this.#lane(
      signal,
      times.exportTimeoutMillis,
      { memoryMax: this.#options.waitingMax, maxAgeMs: 0 },
      () => batcher,
    )
    const batcher: Batcher<T> = new Batcher<T>({
      delayMs: times.scheduledDelayMillis,
      maxQueue: times.maxQueueSize,
      maxBatch: times.maxExportBatchSize,
      books: lane.books,
      isReady: () => this.#isOpen,
      hasRoom: () => lane.outbox.hasRoom(lane.preparing.bodies),
      canSpill: () => lane.outbox.canSpill(lane.preparing.bodies),
      accept: (batch) => {
        const description = lane.describe(batch.length, this.#options.clock.now())
        void this.#prepare(lane, description, serialize(batch, description.protocol))
      },
    })
    return batcher
  }

  /** Makes bodies and puts them into the outbox; in the meantime the items count as waiting. */
  #prepare(
    lane: Lane,
    description: BodyDescription,
    bytes: Uint8Array | undefined,
    before: Promise<void> | undefined = undefined,
  ): Promise<void> {
    lane.preparing.bodies += 1
    lane.preparing.items += description.items
    const prepared = () => {
      lane.preparing.bodies -= 1
      lane.preparing.items -= description.items
    }
    const preparation = (async () => {
      try {
        await before
        const { bodyMaxBytes, metricsBodyMaxBytes } = this.#options
        const maxBytes = description.signal === 'metrics' ? metricsBodyMaxBytes : bodyMaxBytes
        const bodies = await makeBodies(description, bytes ?? new Uint8Array(), maxBytes)
        prepared()
        for (const body of bodies) lane.outbox.add(body)
      } catch (error) {
        // Only an error of ours comes here.
        prepared()
        lane.books.droppedBy.unreadable += description.items
        this.#options.notices.sayOnce('warn', 'telemetry could not be made ready', {
          error: describeError(error),
        })
      }
    })()
    this.#preparations.add(preparation)
    return preparation.finally(() => this.#preparations.delete(preparation))
  }

  #lane(
    signal: Signal,
    timeoutMillis: number,
    bounds: { memoryMax: number; maxAgeMs: number },
    batcher?: () => Lane['batcher'],
  ): Lane {
    const { environment, notices, clock, pace, userAgent } = this.#options
    const otlp = readOtlp(environment, signal)
    const { protocol, compression } = otlp
    // Two variables bound one request; the smaller counts.
    const { post, close } = poster(
      { ...otlp, timeoutMillis: Math.min(otlp.timeoutMillis, timeoutMillis) },
      userAgent,
    )
    const books = this.#bookkeepers[signal]
    const lane: Lane = {
      books,
      outbox: new Outbox({
        signal,
        post,
        books,
        booksOf: (which) => this.#bookkeepers[which],
        notices,
        clock,
        pace,
        onRoom: () => batcher?.()?.passOn(),
        readPartialSuccess: partialSuccessReader(signal, protocol),
        waitingMax: this.#options.waitingMax,
        ...bounds,
      }),
      describe: (items, time) => ({ signal, protocol, compression, items, time }),
      preparing: { bodies: 0, items: 0 },
      get batcher() {
        return batcher?.()
      },
      close,
    }
    this.#lanes.set(signal, lane)
    return lane
  }

  #waiting(signal: Signal): number {
    const lane = this.#lanes.get(signal)
    return lane ? (lane.batcher?.waiting ?? 0) + lane.preparing.items + lane.outbox.waitingItems : 0
  }
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}

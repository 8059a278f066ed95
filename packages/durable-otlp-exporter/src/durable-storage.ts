import type { Resource } from '@opentelemetry/resources'
import { ATTR_SERVICE_INSTANCE_ID } from '@opentelemetry/semantic-conventions'
import { type Clock, systemClock } from './clock.ts'
import { Counts, type ExportCounts } from './counts.ts'
import { DeadLetters } from './dead-letters.ts'
import { type Diagnostics, toDiag } from './diagnostics.ts'
import { describeError } from './errors.ts'
import type { Signal } from './otlp-endpoint.ts'
import type { Ended, Pipeline } from './pipeline.ts'
import type { RequestFile } from './request-file.ts'
import type { Disk } from './request-storage.ts'
import { RETRY_PACE, type RetryPace } from './retry.ts'
import { Seconds } from './seconds.ts'
import { Spool } from './spool.ts'

export interface DurableStorageOptions {
  /** Folder for waiting requests and dead letters. Default: memory only. */
  readonly directory?: string
  /** Its `service.instance.id` names the folder of this process. Default: the resource of the first export. */
  readonly resource?: Resource
  /** Requests of a signal that may wait in memory. Then nothing more is collected, or requests go to disk. */
  readonly waitingMax?: number
  readonly spoolMaxBytes?: number
  readonly deadLettersMaxBytes?: number
  /** Longest time in which a shutdown goes on sending. Then the rest goes to disk. */
  readonly shutdownTimeoutMillis?: number
  /** Default: OpenTelemetry's `diag`. */
  readonly diagnostics?: Diagnostics
  readonly clock?: Clock
  readonly pace?: RetryPace
}

const MIB = 1024 * 1024
const DEFAULTS = {
  waitingMax: 3,
  spoolMaxBytes: 256 * MIB,
  deadLettersMaxBytes: 64 * MIB,
  shutdownTimeoutMillis: 5000,
  clock: systemClock,
  pace: RETRY_PACE,
}

/** Pause between looks for folders of dead processes. */
const ADOPTION_MS = 30_000

/**
 * The common part of a process's exporters: the folder on disk, the taken seconds, the counts, and the end. It has one
 * exporter for each signal, and ends with the last of them.
 */
export class DurableStorage {
  readonly options: typeof DEFAULTS & DurableStorageOptions
  readonly diagnostics: Diagnostics
  readonly seconds: Seconds
  readonly #pipelines = new Map<Signal, Pipeline>()
  readonly #counts = { metrics: new Counts(), traces: new Counts(), logs: new Counts() }
  /** Whether requests can be sent or kept. */
  readonly #opened = Promise.withResolvers<boolean>()
  readonly #ending = new AbortController()
  readonly #ended: Ended[] = []
  #hasBegun = false
  #isReleased = false
  #disk: Disk | undefined
  #spool: Spool | undefined
  /** Files that no exporter has claimed yet. */
  #restored: RequestFile[] = []
  #adoption: NodeJS.Timeout | undefined
  #adopting: Promise<void> | undefined

  constructor(options: DurableStorageOptions) {
    this.options = { ...DEFAULTS, ...defined(options) }
    this.diagnostics = options.diagnostics ?? toDiag()
    this.seconds = new Seconds(this.options.clock.now() - performance.now())
  }

  /** The counts of each signal at this moment. */
  counts(): ExportCounts {
    const snapshot = (signal: Signal) =>
      this.#counts[signal].snapshot(this.#pipelines.get(signal)?.waiting ?? 0)
    return { metrics: snapshot('metrics'), traces: snapshot('traces'), logs: snapshot('logs') }
  }

  countsOf(signal: Signal): Counts {
    return this.#counts[signal]
  }

  /** The signals with an exporter. */
  get signals(): Signal[] {
    return [...this.#pipelines.keys()]
  }

  /** Starts the time of the shutdown, for all signals. Call it before the providers are shut down. */
  beginShutdown(timeoutMs = this.options.shutdownTimeoutMillis): void {
    for (const pipeline of this.#pipelines.values()) pipeline.beginShutdown(timeoutMs)
  }

  // The rest is for the exporters.

  register(pipeline: Pipeline): void {
    const { signal } = pipeline
    if (this.#pipelines.has(signal))
      throw new Error(`A storage has one exporter of ${signal}; give another exporter a storage of its own.`)
    this.#pipelines.set(signal, pipeline)
    if (this.options.resource) this.open(this.options.resource)
    if (this.#disk) pipeline.queue.open(this.#disk, this.#claim(signal))
  }

  /** Begins to open it, once. */
  open(resource: Resource): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#open(this.options.resource ?? resource).catch((error) => {
      this.diagnostics.say('warn', 'export cannot begin', { error: describeError(error) })
      this.#opened.resolve(false)
    })
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  get isOpen(): boolean {
    return this.#disk !== undefined
  }

  get opened(): Promise<boolean> {
    return this.#opened.promise
  }

  /** Before the bytes can leave: the next process of the same name must know the second. */
  async rememberSecond(second: number): Promise<void> {
    await this.#spool?.rememberSecond(second).catch((error) => this.#sayUnkept(error))
  }

  /** A shutdown has begun: waiting ends, and no more requests are adopted. */
  async settle(): Promise<void> {
    this.#ending.abort()
    clearInterval(this.#adoption)
    await this.#adopting
  }

  /** An exporter has ended. The folder is released after the last one. */
  async end(ended: Ended): Promise<void> {
    this.#ended.push(ended)
    if (this.#ended.length < this.#pipelines.size) return
    this.#isReleased = true
    await this.#spool?.release()
    const dropped = this.#ended.reduce((sum, each) => sum + each.dropped, 0)
    if (dropped > 0 || !this.#ended.every(({ isComplete }) => isComplete)) {
      const ms = Math.max(...this.#ended.map(({ timeoutMs }) => timeoutMs))
      this.diagnostics.say('warn', `telemetry was not all sent within ${ms} ms of the shutdown`, { dropped })
    }
    const kept = this.#ended.filter(({ onDisk }) => onDisk > 0).map(({ signal, onDisk }) => [signal, onDisk])
    if (kept.length > 0)
      this.diagnostics.say(
        'info',
        'telemetry that was not sent waits on disk for the next start',
        Object.fromEntries(kept),
      )
  }

  async #open(resource: Resource): Promise<void> {
    const { directory, deadLettersMaxBytes } = this.options
    await resource.waitForAsyncAttributes?.()
    const instanceId = String(resource.attributes[ATTR_SERVICE_INSTANCE_ID] ?? 'unknown')
    let disk: Disk = { spool: undefined, deadLetters: undefined, isWanted: directory !== undefined }
    if (directory !== undefined) {
      disk = { ...disk, deadLetters: new DeadLetters(directory, deadLettersMaxBytes) }
      try {
        this.#spool = await this.#openSpool(directory, instanceId)
        disk = { ...disk, spool: this.#spool }
        this.#restored = [...(await this.#spool.restore()), ...(await this.#spool.adopt())]
      } catch (error) {
        this.#sayUnkept(error)
      }
    }
    // Too late: the shutdown no longer waits for it.
    if (this.#isReleased) return this.#spool?.release()
    this.#disk = disk
    for (const { signal, queue } of this.#pipelines.values()) queue.open(disk, this.#claim(signal))
    if (this.#spool && !this.#ending.signal.aborted)
      this.#adoption = setInterval(() => this.#adopt(), ADOPTION_MS).unref()
    this.#opened.resolve(true)
  }

  async #openSpool(directory: string, instanceId: string): Promise<Spool> {
    const { spoolMaxBytes, clock } = this.options
    const { signal } = this.#ending
    const spool = await Spool.open({ directory, instanceId, maxBytes: spoolMaxBytes, signal })
    if (spool.isShared)
      this.diagnostics.say(
        'warn',
        'two live processes have one service.instance.id: their points replace each other; give each its own',
        { instanceId },
      )
    const second = await spool.lastSecond()
    if (second !== undefined) this.seconds.remember(second, clock.now())
    return spool
  }

  #claim(signal: Signal): RequestFile[] {
    const claimed = this.#restored.filter((file) => file.signal === signal)
    this.#restored = this.#restored.filter((file) => file.signal !== signal)
    return claimed
  }

  #adopt(): void {
    this.#adopting ??= (async () => {
      this.#restored.push(...((await this.#spool?.adopt().catch(() => [])) ?? []))
      for (const { signal, queue } of this.#pipelines.values()) queue.adopt(this.#claim(signal))
    })().finally(() => {
      this.#adopting = undefined
    })
  }

  #sayUnkept(error: unknown): void {
    this.diagnostics.sayOnce('warn', 'waiting telemetry cannot be kept on disk', {
      ...(this.options.directory !== undefined && { directory: this.options.directory }),
      error: describeError(error),
    })
  }
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}

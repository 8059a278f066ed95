import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { LogsRequest, MetricsRequest, Requests, Resource, Signal, TraceRequest } from '@rollcall/otlp'
import { VIEWER_NAME } from './find-listener.ts'
import { EventStream } from './http/event-stream.ts'
import { LogStore } from './store/log-store.ts'
import { MetricStore } from './store/metric-store.ts'
import { beginning } from './store/plain-values.ts'
import { Refusals, type Rejections } from './store/refusals.ts'
import { TraceStore } from './store/trace-store.ts'

export interface TelemetryLimits {
  readonly minutes: number
  readonly memoryMib: number
  readonly maxSeries: number
}

interface Sender {
  readonly service: string
  readonly host: string
  readonly instance: string
  readonly sdk: string
  last: number
}

/** Shares of the memory: a flood of one signal does not push out the others. */
const SHARES = { metrics: 1 / 2, traces: 3 / 8, logs: 1 / 8 }
const MOST_SENDERS = 100
const MOST_REFUSALS = 100
const MIB = 1024 * 1024
const LOOP_RESOLUTION_MS = 20
/**
 * The process's memory beside the kept data: Node itself, bodies while they are read, and garbage. With 256 MiB overfilled
 * by all signals it was 250 MiB, and 390 with bodies of the largest size.
 */
const BESIDE_BYTES = 512 * MIB

/** All kept telemetry, with its counts. */
export class TelemetryStore {
  readonly startedAt = Date.now()
  readonly metrics: MetricStore
  readonly traces: TraceStore
  readonly logs: LogStore
  readonly stream = new EventStream(() => this.#version)
  readonly #limits: TelemetryLimits
  readonly #refusals = new Refusals()
  readonly #requests: Record<string, number> = {}
  readonly #senders = new Map<string, Sender>()
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  #version = 0

  constructor(limits: TelemetryLimits) {
    this.#limits = limits
    const maxAgeSeconds = limits.minutes * 60
    const bytes = limits.memoryMib * MIB
    const { maxSeries } = limits
    this.metrics = new MetricStore(
      { maxAgeSeconds, maxBytes: bytes * SHARES.metrics, maxSeries },
      this.#refusals,
    )
    this.traces = new TraceStore({ maxAgeSeconds, maxBytes: bytes * SHARES.traces }, this.#refusals)
    this.logs = new LogStore({ maxAgeSeconds, maxBytes: bytes * SHARES.logs }, this.#refusals)
    this.#loopDelay.enable()
  }

  /** Grows with each stored item. */
  get version(): number {
    return this.#version
  }

  receive(signal: Signal, request: Requests[Signal]): Rejections {
    const rejections =
      signal === 'metrics'
        ? this.metrics.receive(request as MetricsRequest)
        : signal === 'traces'
          ? this.traces.receive(request as TraceRequest)
          : this.logs.receive(request as LogsRequest)
    for (const resource of resourcesOf(request)) this.#remember(resource)
    this.#version += 1
    this.stream.tell(signal)
    return rejections
  }

  countRequest(status: number): void {
    this.#requests[status] = (this.#requests[status] ?? 0) + 1
  }

  /** Drops data by age, also while nothing arrives. */
  letGoOfOld(): void {
    this.metrics.letGoOfOld()
    this.traces.letGoOfOld()
    this.logs.letGoOfOld()
  }

  close(): void {
    this.stream.close()
    this.#loopDelay.disable()
  }

  status(): object {
    const { heapUsed, rss } = process.memoryUsage()
    const { minutes, memoryMib, maxSeries } = this.#limits
    const { metrics, traces, logs } = this
    const budgetBytes = memoryMib * MIB
    const seconds = metrics.span()
    return {
      name: VIEWER_NAME,
      pid: process.pid,
      startedAt: this.startedAt,
      now: Date.now(),
      minutes,
      memory: {
        budgetBytes,
        usedBytes: metrics.bytes + traces.bytes + logs.bytes,
        heapBytes: heapUsed,
        rssBytes: rss,
        rssMaxBytes: budgetBytes + BESIDE_BYTES,
      },
      loopDelayMs: {
        p50: this.#loopDelayMs(this.#loopDelay.percentile(50)),
        p99: this.#loopDelayMs(this.#loopDelay.percentile(99)),
        max: this.#loopDelayMs(this.#loopDelay.max),
      },
      version: this.#version,
      metrics: {
        ...metrics.counters,
        kept: metrics.kept,
        names: [...metrics.metrics()].length,
        series: metrics.seriesCount,
        seriesMax: maxSeries,
        ...sizes(metrics, budgetBytes * SHARES.metrics),
        oldest: seconds ? seconds.oldest * 1000 : null,
        newest: seconds ? seconds.newest * 1000 : null,
      },
      traces: {
        ...traces.counters,
        kept: traces.kept,
        traces: traces.size,
        ...sizes(traces, budgetBytes * SHARES.traces),
        ...extent(traces.span()),
      },
      logs: {
        ...logs.counters,
        kept: logs.kept,
        ...sizes(logs, budgetBytes * SHARES.logs),
        ...extent(logs.span()),
      },
      refusals: this.#refusals.list().slice(0, MOST_REFUSALS),
      requests: this.#requests,
      senders: [...this.#senders.values()].sort((one, other) => other.last - one.last),
    }
  }

  #loopDelayMs(nanoseconds: number): number {
    return this.#loopDelay.count === 0 ? 0 : Math.max(0, nanoseconds / 1e6 - LOOP_RESOLUTION_MS)
  }

  #remember({ attributes }: Resource): void {
    const text = (name: string) =>
      typeof attributes[name] === 'string' ? beginning(attributes[name], 200) : ''
    const sender = {
      service: text('service.name'),
      host: text('host.name'),
      instance: text('service.instance.id'),
      sdk: ['name', 'language', 'version']
        .map((part) => text(`telemetry.sdk.${part}`))
        .join(' ')
        .trim(),
    }
    const key = JSON.stringify(sender)
    // The sender with the longest silence is at the front.
    this.#senders.delete(key)
    this.#senders.set(key, { ...sender, last: Date.now() })
    if (this.#senders.size > MOST_SENDERS) this.#senders.delete(this.#senders.keys().next().value as string)
  }
}

function resourcesOf(request: Requests[Signal]): Resource[] {
  if ('resourceMetrics' in request) return request.resourceMetrics.map(({ resource }) => resource)
  if ('resourceSpans' in request) return request.resourceSpans.map(({ resource }) => resource)
  return request.resourceLogs.map(({ resource }) => resource)
}

function sizes({ bytes, fullSince }: { bytes: number; fullSince: number | undefined }, bytesMax: number) {
  return { bytes, bytesMax, fullSince: fullSince ?? null }
}

function extent(span: { oldest: number; newest: number } | undefined) {
  return { oldest: span?.oldest ?? null, newest: span?.newest ?? null }
}

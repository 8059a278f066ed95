import type { Span, TraceRequest } from '../../otlp/model.ts'
import { Arrivals } from './arrivals.ts'
import {
  asInJson,
  bytesOfText,
  containing,
  cutText,
  milliseconds,
  type PlainValue,
  plainAttributes,
} from './plain-values.ts'
import { type Refusals, Rejections } from './refusals.ts'

export interface EventLimits {
  readonly maxAgeSeconds: number
  readonly maxBytes: number
}

export interface StoredSpan {
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly kind: string
  readonly service: string
  readonly scope: string
  /** Milliseconds since the epoch. */
  readonly start: number
  /** Milliseconds. */
  readonly duration: number
  readonly status: 'unset' | 'ok' | 'error'
  readonly statusMessage: string
  readonly attributes: Record<string, PlainValue>
  readonly resource: Record<string, PlainValue>
  readonly tracestate: string
  readonly events: { time: number; name: string; attributes: Record<string, PlainValue> }[]
  readonly links: { traceId: string | null; spanId: string | null }[]
}

/** A line of the list. */
export interface TraceSummary {
  readonly traceId: string
  readonly start: number
  readonly duration: number
  /** Of the root span, or of the earliest while the root is missing. */
  readonly name: string
  readonly service: string
  readonly services: readonly string[]
  readonly route: string | null
  readonly httpStatus: number | null
  readonly spans: number
  readonly errors: number
  /** The root is here; a span may still come. */
  readonly isComplete: boolean
}

interface Root {
  readonly start: number
  readonly isRoot: boolean
  readonly name: string
  readonly service: string
  readonly route: string | null
  readonly httpStatus: number | null
}

interface Trace {
  readonly traceId: string
  /** Spans as JSON by their ids: text is a third of the size of objects, and needs no traversal by the collector. */
  readonly spans: Map<string, string>
  /** What all spans of one process have in common, once. */
  readonly resources: string[]
  readonly services: Set<string>
  /** Nanoseconds: as milliseconds, durations would be off in the seventh digit. */
  start: bigint
  end: bigint
  root: Root
  errors: number
  bytes: number
  /** Seconds since the epoch. */
  readonly arrived: number
}

export interface TraceFilter {
  readonly service?: string | undefined
  readonly name?: string | undefined
  readonly route?: ((route: string) => boolean) | undefined
  readonly status?: ((trace: TraceSummary) => boolean) | undefined
  readonly minMs?: number | undefined
  readonly maxMs?: number | undefined
  readonly text?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const
const STATUSES = ['unset', 'ok', 'error'] as const
const MOST_SPANS = 10_000
const LONGEST_SPAN = 65_536
const MOST_EVENTS = 128
const AHEAD_MS = 600_000
/** Of the objects of one trace and of one span, beside the texts. */
const TRACE_BYTES = 900
const SPAN_BYTES = 180

/** Whole traces, in the order in which their first spans came. The oldest go when there is no more room. */
export class TraceStore {
  readonly counters = { received: 0, stored: 0, repeated: 0, refused: 0, evicted: 0 }
  readonly #limits: EventLimits
  readonly #refusals: Refusals
  readonly #traces = new Map<string, Trace>()
  readonly #arrivals = new Arrivals<Trace>()
  #bytes = 0
  #fullSince: number | undefined

  constructor(limits: EventLimits, refusals: Refusals) {
    this.#limits = limits
    this.#refusals = refusals
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#traces.size
  }

  get fullSince(): number | undefined {
    return this.#fullSince
  }

  get kept(): number {
    return this.counters.stored - this.counters.evicted
  }

  has(traceId: string): boolean {
    return this.#traces.has(traceId)
  }

  /** Milliseconds since the epoch of the first and last trace's beginning, in the order of arrival. */
  span(): { oldest: number; newest: number } | undefined {
    const { oldest } = this.#arrivals
    const newest = this.#arrivals.newestFirst().next().value?.[1]
    return oldest && newest && { oldest: timesOf(oldest).start, newest: timesOf(newest).start }
  }

  receive(request: TraceRequest): Rejections {
    const rejections = new Rejections('traces', this.#refusals)
    const nowMs = Date.now()
    this.letGoOfOld(nowMs)
    for (const { resource, scopeSpans } of request.resourceSpans) {
      const plainResource = plainAttributes(resource.attributes)
      for (const { scope, spans } of scopeSpans)
        for (const span of spans) {
          this.counters.received += 1
          const complaint =
            this.#complaintAbout(span, nowMs) ?? this.#add(span, plainResource, scope.name, nowMs)
          if (complaint === undefined) continue
          this.counters.refused += 1
          rejections.add(complaint, span.name)
        }
    }
    return rejections
  }

  letGoOfOld(nowMs = Date.now()): void {
    const oldest = nowMs / 1000 - this.#limits.maxAgeSeconds
    let isAged = false
    while ((this.#arrivals.oldest?.arrived ?? Number.POSITIVE_INFINITY) < oldest) {
      this.#dropOldest()
      isAged = true
    }
    if (isAged) this.#fullSince = undefined
  }

  get(traceId: string): { trace: TraceSummary; spans: StoredSpan[] } | undefined {
    const trace = this.#traces.get(traceId)
    if (trace === undefined) return undefined
    const resources = trace.resources.map((json) => JSON.parse(json))
    const spans = trace.spans.values().map((json) => {
      const span = JSON.parse(json)
      return { ...span, resource: resources[span.resource] }
    })
    return { trace: summaryOf(trace), spans: [...spans] }
  }

  /** Newest first, with the numbers that a cursor is made of. */
  *find(filter: TraceFilter, before?: number): Generator<[number, TraceSummary]> {
    const text = filter.text === undefined ? undefined : containing(asInJson(filter.text))
    const name = filter.name === undefined ? undefined : containing(filter.name)
    for (const [number, trace] of this.#arrivals.newestFirst(before)) {
      const { start, duration } = timesOf(trace)
      if (filter.from !== undefined && start < filter.from) continue
      if (filter.to !== undefined && start >= filter.to) continue
      if (duration < (filter.minMs ?? 0) || duration > (filter.maxMs ?? Number.POSITIVE_INFINITY)) continue
      if (filter.service !== undefined && !trace.services.has(filter.service)) continue
      if (name !== undefined && !name.test(trace.root.name)) continue
      if (filter.route !== undefined && !filter.route(trace.root.route ?? '')) continue
      const summary = summaryOf(trace)
      if (filter.status !== undefined && !filter.status(summary)) continue
      if (text !== undefined && !trace.spans.values().some((json) => text.test(json))) continue
      yield [number, summary]
    }
  }

  /**
   * Spans of all traces that touch the time, in milliseconds: their JSON, in which `resource` is the position of theirs
   * among the trace's resources, which are JSON, too. Reading it is left to who needs it: it is most of the work.
   */
  *spansWithin(from: number, to: number): Generator<{ json: string; resources: readonly string[] }> {
    for (const [, trace] of this.#arrivals.newestFirst()) {
      const { start, duration } = timesOf(trace)
      if (start >= to || start + duration < from) continue
      for (const json of trace.spans.values()) yield { json, resources: trace.resources }
    }
  }

  #complaintAbout({ traceId, spanId, startTime, endTime }: Span, nowMs: number): string | undefined {
    if (traceId === undefined || spanId === undefined) return 'no trace or span id'
    if (endTime < startTime) return 'it ends before it starts'
    const end = milliseconds(endTime)
    if (end < nowMs - this.#limits.maxAgeSeconds * 1000)
      return `older than the ${this.#limits.maxAgeSeconds / 60} minutes that are kept`
    if (milliseconds(startTime) > nowMs + AHEAD_MS) return 'more than ten minutes ahead of this clock'
    return undefined
  }

  #add(span: Span, resource: Record<string, PlainValue>, scope: string, nowMs: number): string | undefined {
    const stored = storedSpan(span, resource, scope)
    const resourceJson = JSON.stringify(resource)
    const size = JSON.stringify(stored).length
    if (size > LONGEST_SPAN) return `larger than ${LONGEST_SPAN / 1024} KiB`
    const traceId = span.traceId as string
    const trace = this.#traces.get(traceId) ?? this.#begin(traceId, span, stored, nowMs)
    if (trace.spans.has(stored.spanId)) {
      this.counters.repeated += 1
      return undefined
    }
    if (trace.spans.size >= MOST_SPANS) return `its trace has ${MOST_SPANS} spans already`
    const position = trace.resources.indexOf(resourceJson)
    const isNew = position === -1
    if (isNew) trace.resources.push(resourceJson)
    const json = JSON.stringify({ ...stored, resource: isNew ? trace.resources.length - 1 : position })
    const bytes = SPAN_BYTES + bytesOfText(json) + (isNew ? bytesOfText(resourceJson) : 0)
    trace.spans.set(stored.spanId, json)
    trace.services.add(stored.service)
    if (span.startTime < trace.start) trace.start = span.startTime
    if (span.endTime > trace.end) trace.end = span.endTime
    const root = rootOf(stored)
    if (outranks(root, trace.root)) trace.root = root
    if (stored.status === 'error') trace.errors += 1
    trace.bytes += bytes
    this.#bytes += bytes
    this.counters.stored += 1
    while (this.#bytes > this.#limits.maxBytes && this.size > 0) {
      this.#fullSince ??= nowMs
      this.#dropOldest()
    }
    return undefined
  }

  #begin(traceId: string, span: Span, stored: StoredSpan, nowMs: number): Trace {
    const trace: Trace = {
      traceId,
      spans: new Map(),
      resources: [],
      services: new Set(),
      start: span.startTime,
      end: span.endTime,
      root: rootOf(stored),
      errors: 0,
      bytes: TRACE_BYTES,
      arrived: nowMs / 1000,
    }
    this.#traces.set(traceId, trace)
    this.#arrivals.push(trace)
    this.#bytes += trace.bytes
    return trace
  }

  #dropOldest(): void {
    const trace = this.#arrivals.shift()
    if (trace === undefined) return
    this.#traces.delete(trace.traceId)
    this.#bytes -= trace.bytes
    this.counters.evicted += trace.spans.size
  }
}

function storedSpan(span: Span, resource: Record<string, PlainValue>, scope: string): StoredSpan {
  return {
    spanId: span.spanId as string,
    parentSpanId: span.parentSpanId ?? null,
    name: cutText(span.name),
    kind: KINDS[span.kind] ?? 'unspecified',
    service: serviceOf(resource),
    scope: scope.slice(0, 255),
    start: milliseconds(span.startTime),
    duration: Number(span.endTime - span.startTime) / 1e6,
    status: STATUSES[span.status.code] ?? 'unset',
    statusMessage: cutText(span.status.message),
    attributes: plainAttributes(span.attributes),
    resource,
    tracestate: span.traceState.slice(0, 512),
    events: span.events.slice(0, MOST_EVENTS).map(({ time, name, attributes }) => ({
      time: milliseconds(time),
      name: cutText(name),
      attributes: plainAttributes(attributes),
    })),
    links: span.links
      .slice(0, MOST_EVENTS)
      .map(({ traceId, spanId }) => ({ traceId: traceId ?? null, spanId: spanId ?? null })),
  }
}

export function serviceOf(resource: Record<string, PlainValue>): string {
  const name = resource['service.name']
  return typeof name === 'string' ? name : 'unknown_service'
}

function rootOf({ start, parentSpanId, name, service, attributes }: StoredSpan): Root {
  const route = attributes['http.route']
  const status = attributes['http.response.status_code']
  return {
    start,
    isRoot: parentSpanId === null,
    name,
    service,
    route: typeof route === 'string' ? route : null,
    httpStatus: typeof status === 'number' ? status : null,
  }
}

function outranks(one: Root, other: Root): boolean {
  return one.isRoot === other.isRoot ? one.start < other.start : one.isRoot
}

/** Milliseconds. */
function timesOf({ start, end }: Trace): { start: number; duration: number } {
  return { start: milliseconds(start), duration: Number(end - start) / 1e6 }
}

function summaryOf(trace: Trace): TraceSummary {
  const { traceId, root, services, spans, errors } = trace
  const { name, service, route, httpStatus, isRoot } = root
  return {
    traceId,
    ...timesOf(trace),
    name,
    service,
    // The root's first, whichever came first.
    services: [...new Set([service, ...services])],
    route,
    httpStatus,
    spans: spans.size,
    errors,
    isComplete: isRoot,
  }
}

import type { Span, TraceRequest } from '@rollcall/otlp'
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
import { Slabs } from './slabs.ts'

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
  /** Name of the root span, or of the earliest while the root is missing. */
  readonly name: string
  readonly service: string
  readonly services: readonly string[]
  readonly route: string | null
  readonly httpStatus: number | null
  readonly spans: number
  readonly errors: number
  /** The root is here. A span may still come. */
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

interface SharedResource {
  readonly json: string
  /** Number of traces that use it. */
  uses: number
}

interface Trace {
  readonly traceId: string
  /** Places of the spans' JSON, by their ids. */
  readonly spans: Map<string, number>
  /** The resources: the common part of all spans of a process. */
  readonly resources: SharedResource[]
  readonly services: Set<string>
  /** Nanoseconds: in milliseconds, durations would be off in the seventh digit. */
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
/** Bytes of the objects of a trace, a span and a resource, without the spans' texts. */
const TRACE_BYTES = 900
const SPAN_BYTES = 120
const RESOURCE_BYTES = 200

/** Whole traces, in the order of arrival of their first spans. The oldest go when memory is full. */
export class TraceStore {
  readonly counters = { received: 0, stored: 0, repeated: 0, refused: 0, evicted: 0 }
  readonly #limits: EventLimits
  readonly #refusals: Refusals
  readonly #traces = new Map<string, Trace>()
  readonly #arrivals = new Arrivals<Trace>()
  readonly #texts = new Slabs()
  readonly #resources = new Map<string, SharedResource>()
  #objectBytes = 0
  #fullSince: number | undefined

  constructor(limits: EventLimits, refusals: Refusals) {
    this.#limits = limits
    this.#refusals = refusals
  }

  get bytes(): number {
    return this.#objectBytes + this.#texts.bytes
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

  /** Start of the first and last trace in the order of arrival, in milliseconds since the epoch. */
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
      const service = serviceOf(plainResource)
      const resourceJson = JSON.stringify(plainResource)
      for (const { scope, spans } of scopeSpans)
        for (const span of spans) {
          this.counters.received += 1
          const complaint =
            this.#complaintAbout(span, nowMs) ??
            this.#add(span, storedSpan(span, service, scope.name), resourceJson, nowMs)
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
    const resources = trace.resources.map(({ json }) => JSON.parse(json))
    const spans = trace.spans.values().map((place) => {
      const span = JSON.parse(this.#texts.text(place))
      return { ...span, resource: resources[span.resource] }
    })
    return { trace: summaryOf(trace), spans: [...spans] }
  }

  /** Newest first, with their numbers for a cursor. */
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
      if (text !== undefined && !trace.spans.values().some((place) => text.test(this.#texts.text(place))))
        continue
      yield [number, summary]
    }
  }

  /**
   * Spans of all traces that touch the time, in milliseconds, as JSON. `resource` in it is an index into the trace's
   * resources, which are JSON as well. The caller parses it, which is most of the work.
   */
  *spansWithin(from: number, to: number): Generator<{ json: string; resources: readonly string[] }> {
    for (const [, trace] of this.#arrivals.newestFirst()) {
      const { start, duration } = timesOf(trace)
      if (start >= to || start + duration < from) continue
      const resources = trace.resources.map(({ json }) => json)
      for (const place of trace.spans.values()) yield { json: this.#texts.text(place), resources }
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

  #add(span: Span, stored: SpanText, resourceJson: string, nowMs: number): string | undefined {
    const traceId = span.traceId as string
    const known = this.#traces.get(traceId)
    if (known?.spans.has(stored.spanId)) {
      this.counters.repeated += 1
      return undefined
    }
    if (known !== undefined && known.spans.size >= MOST_SPANS)
      return `its trace has ${MOST_SPANS} spans already`
    const position = known?.resources.findIndex(({ json }) => json === resourceJson) ?? -1
    const isNew = position === -1
    const json = JSON.stringify({ ...stored, resource: isNew ? (known?.resources.length ?? 0) : position })
    if (json.length + resourceJson.length > LONGEST_SPAN) return `larger than ${LONGEST_SPAN / 1024} KiB`
    const trace = known ?? this.#begin(traceId, span, stored, nowMs)
    if (isNew) trace.resources.push(this.#share(resourceJson))
    trace.spans.set(stored.spanId, this.#texts.addText(json))
    trace.services.add(stored.service)
    if (span.startTime < trace.start) trace.start = span.startTime
    if (span.endTime > trace.end) trace.end = span.endTime
    const root = rootOf(stored)
    if (outranks(root, trace.root)) trace.root = root
    if (stored.status === 'error') trace.errors += 1
    trace.bytes += SPAN_BYTES
    this.#objectBytes += SPAN_BYTES
    this.counters.stored += 1
    while (this.bytes > this.#limits.maxBytes && this.size > 0) {
      this.#fullSince ??= nowMs
      this.#dropOldest()
    }
    return undefined
  }

  #begin(traceId: string, span: Span, stored: SpanText, nowMs: number): Trace {
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
    this.#objectBytes += trace.bytes
    return trace
  }

  /** Most traces have the same few resources. */
  #share(json: string): SharedResource {
    let shared = this.#resources.get(json)
    if (shared === undefined) {
      shared = { json, uses: 0 }
      this.#resources.set(json, shared)
      this.#objectBytes += RESOURCE_BYTES + bytesOfText(json)
    }
    shared.uses += 1
    return shared
  }

  #unshare(shared: SharedResource): void {
    shared.uses -= 1
    if (shared.uses > 0) return
    this.#resources.delete(shared.json)
    this.#objectBytes -= RESOURCE_BYTES + bytesOfText(shared.json)
  }

  #dropOldest(): void {
    const trace = this.#arrivals.shift()
    if (trace === undefined) return
    this.#traces.delete(trace.traceId)
    for (const place of trace.spans.values()) this.#texts.release(place)
    for (const shared of trace.resources) this.#unshare(shared)
    this.#objectBytes -= trace.bytes
    this.counters.evicted += trace.spans.size
  }
}

/** A span as kept. Its resource is kept once for many spans. */
type SpanText = Omit<StoredSpan, 'resource'>

function storedSpan(span: Span, service: string, scope: string): SpanText {
  return {
    spanId: span.spanId as string,
    parentSpanId: span.parentSpanId ?? null,
    name: cutText(span.name),
    kind: KINDS[span.kind] ?? 'unspecified',
    service,
    scope: scope.slice(0, 255),
    start: milliseconds(span.startTime),
    duration: Number(span.endTime - span.startTime) / 1e6,
    status: STATUSES[span.status.code] ?? 'unset',
    statusMessage: cutText(span.status.message),
    attributes: plainAttributes(span.attributes),
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

function rootOf({ start, parentSpanId, name, service, attributes }: SpanText): Root {
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
    // The root's service goes first, in any order of arrival.
    services: [...new Set([service, ...services])],
    route,
    httpStatus,
    spans: spans.size,
    errors,
    isComplete: isRoot,
  }
}

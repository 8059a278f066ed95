import type { LogRecord, LogsRequest } from '@rollcall/otlp'
import { Arrivals } from './arrivals.ts'
import {
  asInJson,
  containing,
  cutText,
  milliseconds,
  type PlainValue,
  plainAttributes,
  plainValue,
} from './plain-values.ts'
import { type Refusals, Rejections } from './refusals.ts'
import { Slabs } from './slabs.ts'
import { type EventLimits, serviceOf } from './trace-store.ts'

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type Level = (typeof LEVELS)[number]

export interface LogLine {
  readonly id: number
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly level: Level
  readonly severity: string
  readonly service: string
  readonly body: string
  readonly attributes: Record<string, PlainValue>
  readonly resource: Record<string, PlainValue>
  readonly traceId: string | null
  readonly spanId: string | null
}

interface Stored {
  readonly time: number
  readonly arrived: number
  readonly level: number
  readonly service: string
  readonly traceId: string | undefined
  readonly isEvent: boolean
  /** Place of the line's JSON, without its id. */
  readonly place: number
}

export interface LogFilter {
  readonly text?: string | undefined
  /** The least severe. */
  readonly level?: Level | undefined
  readonly service?: string | undefined
  readonly traceId?: string | undefined
  /** Only records with an event name and a title. */
  readonly isEvent?: boolean
  readonly from?: number | undefined
  readonly to?: number | undefined
}

const LONGEST_RECORD = 65_536
const AHEAD_MS = 600_000
/** Bytes of a record's object, without its text. */
const RECORD_BYTES = 150

/** Log records in the order of arrival. The oldest go when memory is full. */
export class LogStore {
  readonly counters = { received: 0, stored: 0, refused: 0, evicted: 0 }
  readonly #limits: EventLimits
  readonly #refusals: Refusals
  readonly #arrivals = new Arrivals<Stored>()
  readonly #texts = new Slabs()
  #fullSince: number | undefined

  constructor(limits: EventLimits, refusals: Refusals) {
    this.#limits = limits
    this.#refusals = refusals
  }

  get bytes(): number {
    return this.kept * RECORD_BYTES + this.#texts.bytes
  }

  get kept(): number {
    return this.#arrivals.size
  }

  get fullSince(): number | undefined {
    return this.#fullSince
  }

  /** Times of the first and last record in the order of arrival, in milliseconds since the epoch. */
  span(): { oldest: number; newest: number } | undefined {
    const { oldest } = this.#arrivals
    const newest = this.#arrivals.newestFirst().next().value?.[1]
    return oldest && newest && { oldest: oldest.time, newest: newest.time }
  }

  receive(request: LogsRequest): Rejections {
    const rejections = new Rejections('logs', this.#refusals)
    const nowMs = Date.now()
    this.letGoOfOld(nowMs)
    for (const { resource, scopeLogs } of request.resourceLogs) {
      const plainResource = plainAttributes(resource.attributes)
      for (const { logRecords } of scopeLogs)
        for (const record of logRecords) {
          this.counters.received += 1
          const complaint = this.#add(record, plainResource, nowMs)
          if (complaint === undefined) continue
          this.counters.refused += 1
          rejections.add(complaint, record.severityText)
        }
    }
    return rejections
  }

  letGoOfOld(nowMs = Date.now()): void {
    const oldest = nowMs - this.#limits.maxAgeSeconds * 1000
    let isAged = false
    while ((this.#arrivals.oldest?.arrived ?? Number.POSITIVE_INFINITY) < oldest) {
      this.#dropOldest()
      isAged = true
    }
    if (isAged) this.#fullSince = undefined
  }

  /** Newest first. */
  *find(filter: LogFilter, before?: number): Generator<LogLine> {
    const text = filter.text === undefined ? undefined : containing(asInJson(filter.text))
    const level = filter.level === undefined ? 0 : LEVELS.indexOf(filter.level)
    for (const [id, stored] of this.#arrivals.newestFirst(before)) {
      if (stored.level < level) continue
      if (filter.isEvent && !stored.isEvent) continue
      if (filter.traceId !== undefined && stored.traceId !== filter.traceId) continue
      if (filter.service !== undefined && stored.service !== filter.service) continue
      if (filter.from !== undefined && stored.time < filter.from) continue
      if (filter.to !== undefined && stored.time >= filter.to) continue
      const json = this.#texts.text(stored.place)
      if (text !== undefined && !text.test(json)) continue
      yield { id, ...JSON.parse(json) }
    }
  }

  /** The JSON of the lines within the time, in milliseconds, without their ids. */
  *linesWithin(from: number, to: number): Generator<string> {
    for (const [, { time, place }] of this.#arrivals.newestFirst())
      if (time >= from && time < to) yield this.#texts.text(place)
  }

  #add(record: LogRecord, resource: Record<string, PlainValue>, nowMs: number): string | undefined {
    // Not every logger gives the time of the event.
    const time = milliseconds(record.time || record.observedTime) || nowMs
    if (time < nowMs - this.#limits.maxAgeSeconds * 1000)
      return `older than the ${this.#limits.maxAgeSeconds / 60} minutes that are kept`
    if (time > nowMs + AHEAD_MS) return 'more than ten minutes ahead of this clock'
    const level = levelOf(record)
    const line: Omit<LogLine, 'id'> = {
      time,
      level: LEVELS[level]!,
      severity: record.severityText.slice(0, 50),
      service: serviceOf(resource),
      body: bodyOf(record),
      attributes: plainAttributes(record.attributes),
      resource,
      traceId: record.traceId ?? null,
      spanId: record.spanId ?? null,
    }
    const json = JSON.stringify(line)
    if (json.length > LONGEST_RECORD) return `larger than ${LONGEST_RECORD / 1024} KiB`
    const { service } = line
    // Of all named events those that tell something to people.
    const isEvent = record.eventName !== '' && typeof line.attributes.title === 'string'
    const place = this.#texts.addText(json)
    this.#arrivals.push({ time, arrived: nowMs, level, service, traceId: record.traceId, isEvent, place })
    this.counters.stored += 1
    while (this.bytes > this.#limits.maxBytes && this.kept > 0) {
      this.#fullSince ??= nowMs
      this.#dropOldest()
    }
    return undefined
  }

  #dropOldest(): void {
    const stored = this.#arrivals.shift()
    if (stored === undefined) return
    this.#texts.release(stored.place)
    this.counters.evicted += 1
  }
}

/** Four severity numbers to a level (logs data model, "Displaying Severity"). Without a number, the text. */
function levelOf({ severityNumber, severityText }: LogRecord): number {
  if (severityNumber >= 1 && severityNumber <= 24) return Math.floor((severityNumber - 1) / 4)
  const known = LEVELS.findIndex((level) => severityText.toLowerCase().startsWith(level))
  return known === -1 ? LEVELS.indexOf('info') : known
}

function bodyOf({ body, eventName }: LogRecord): string {
  const plain = plainValue(body)
  if (plain === null) return eventName.slice(0, 255)
  return typeof plain === 'string' ? plain : cutText(JSON.stringify(plain))
}

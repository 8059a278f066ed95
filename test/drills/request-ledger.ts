import { isViewed, type Kind, measured, type Outcome } from '../proof/kinds.ts'

/** Attributes of `http.server.request.duration`, in the order in which tag sets are written here. */
export const REQUEST_TAGS = [
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'error.type',
  'page',
  'url.scheme',
] as const

/** A view, or what may be one: when it was sent and when it was counted for sure, in milliseconds since the epoch. */
export interface Journey {
  readonly sentAt: number
  readonly countedAt: number
  /** False where nobody knows what became of it. */
  readonly isAnswered: boolean
}

/** What the client did and saw: the truth that everything else is held against. */
export class RequestLedger {
  /** By `page:…`. */
  readonly views = new Map<string, number>()
  /** By tag set. */
  readonly requests = new Map<string, number>()
  /** Requests that may have reached the service and were not answered, by {@link sort}. */
  readonly unknown = new Map<string, number>()
  /** By what they were and were not: `home: 500`. */
  readonly unexpected = new Map<string, number>()
  /** Answered requests, in milliseconds from the moment when each was due. */
  readonly latencies: number[] = []
  /** Only where a drill asks for it: one for each view. */
  readonly journeys: Journey[] | undefined
  sent = 0
  /** Answered, or given up by the client as planned. */
  completed = 0
  /** Nobody listened: these never were requests. */
  notLetIn = 0

  constructor({ withJourneys = false } = {}) {
    this.journeys = withJourneys ? [] : undefined
  }

  answered(name: string, kind: Kind, status: number): void {
    if (!kind.statuses.includes(status)) add(this.unexpected, `${name}: ${status}`, 1)
    this.#count(kind, { status })
  }

  aborted(kind: Kind): void {
    this.#count(kind, { cutOff: 'aborted' })
  }

  unanswered(kind: Kind): void {
    add(this.unknown, sort(kind.method, kind.route, kind.page), 1)
  }

  get unknownCount(): number {
    return sum(this.unknown)
  }

  #count(kind: Kind, outcome: Outcome): void {
    this.completed += 1
    if (isViewed(kind, outcome)) add(this.views, `page:${kind.page}`, 1)
    add(this.requests, tagSet(measured(kind, outcome)), 1)
  }
}

/** As the stand-in writes a group of {@link REQUEST_TAGS}. */
function tagSet(attributes: Readonly<Record<string, string | number>>): string {
  return REQUEST_TAGS.flatMap((name) => (name in attributes ? [`${name}:${attributes[name]}`] : [])).join(',')
}

/** What is known of a request without its outcome. */
function sort(method: string, route: string | undefined, page: string | undefined): string {
  return tagSet({
    'http.request.method': method,
    ...(route !== undefined && { 'http.route': route }),
    page: page ?? 'none',
  })
}

/** The {@link sort} of a tag set: without its outcome. */
export function sortOf(tags: string): string {
  return tags
    .split(',')
    .filter((tag) => /^(http\.request\.method|http\.route|page):/.test(tag))
    .join(',')
}

/** The page of a tag set or sort. */
export function pageOf(tags: string): string {
  return tags.split(',').find((tag) => tag.startsWith('page:')) ?? ''
}

export function add(map: Map<string, number>, key: string, count: number): void {
  map.set(key, (map.get(key) ?? 0) + count)
}

export function sum(map: ReadonlyMap<string, number>): number {
  return map.values().reduce((total, count) => total + count, 0)
}

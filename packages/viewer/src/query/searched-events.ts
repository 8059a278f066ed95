import { hostOf, resourceTags } from '../datadog-tags.ts'
import type { LogLine } from '../store/log-store.ts'
import type { PlainValue } from '../store/plain-values.ts'
import type { StoredSpan } from '../store/trace-store.ts'
import type { SearchedEvent } from './event-search.ts'
import type { Sources } from './sources.ts'

export const EVENT_SOURCES = ['spans', 'logs'] as const
export type EventSource = (typeof EVENT_SOURCES)[number]

export interface TimedEvent extends SearchedEvent {
  /** Milliseconds since the epoch. */
  readonly time: number
}

type Fields = Record<string, PlainValue>

/** Datadog's names beside the sent ones (datadog-agent, pkg/opentelemetry-mapping-go). */
const SENT_AS: Readonly<Record<string, string>> = {
  'http.method': 'http.request.method',
  'http.status_code': 'http.response.status_code',
  'http.url': 'url.full',
  'http.client_ip': 'client.address',
  'http.server_name': 'server.address',
  'http.useragent': 'user_agent.original',
}

/** Events of the time, newest traces and lines first. `isWanted` gets the JSON before it is parsed. */
export function* eventsOf(
  { traces, logs }: Sources,
  source: EventSource,
  from: number,
  to: number,
  isWanted: (json: string, resources: readonly string[]) => boolean,
): Generator<TimedEvent> {
  const read = new Map<string, Resource>()
  const resourceOf = (json: string) => {
    const known = read.get(json) ?? readResource(JSON.parse(json))
    read.set(json, known)
    return known
  }
  if (source === 'logs') {
    for (const json of logs.linesWithin(from, to)) {
      if (!isWanted(json, [])) continue
      const line: LogLine = JSON.parse(json)
      yield logEvent(line, readResource(line.resource))
    }
    return
  }
  for (const { json, resources } of traces.spansWithin(from, to)) {
    if (!isWanted(json, resources)) continue
    const span: StoredSpan = JSON.parse(json)
    if (span.start < from || span.start >= to) continue
    yield spanEvent(span, resourceOf(resources[Number(span.resource)] ?? '{}'))
  }
}

interface Resource {
  readonly attributes: Fields
  /** By their keys at Datadog: `env`, `version`, … */
  readonly tags: ReadonlyMap<string, string>
}

function readResource(attributes: Fields): Resource {
  const tags = resourceTags(attributes as Parameters<typeof resourceTags>[0]).map((tag): [string, string] => {
    const colon = tag.indexOf(':')
    return [tag.slice(0, colon), tag.slice(colon + 1)]
  })
  return {
    attributes,
    tags: new Map([...tags, ['host', hostOf(attributes as Parameters<typeof hostOf>[0])]]),
  }
}

function spanEvent(span: StoredSpan, { attributes: resource, tags }: Resource): TimedEvent {
  return {
    time: span.start,
    get message() {
      return resourceNameOf(span)
    },
    field(key) {
      switch (key) {
        case 'service':
          return span.service
        case 'status':
          return span.status === 'error' ? 'error' : 'ok'
        case 'resource_name':
          return resourceNameOf(span)
        case 'operation_name':
          return operationNameOf(span)
        case '@duration':
          return span.duration * 1e6
        case '@span.kind':
          return span.kind
      }
      return key.startsWith('@')
        ? (attributeOf(span.attributes, key.slice(1)) ?? attributeOf(resource, key.slice(1)))
        : tags.get(key)
    },
  }
}

function logEvent(line: LogLine, { attributes: resource, tags }: Resource): TimedEvent {
  return {
    time: line.time,
    message: line.body,
    field(key) {
      if (key === 'service') return line.service
      if (key === 'status') return line.level
      if (key === 'trace_id') return line.traceId ?? undefined
      return key.startsWith('@')
        ? (attributeOf(line.attributes, key.slice(1)) ?? attributeOf(resource, key.slice(1)))
        : tags.get(key)
    },
  }
}

/** Finds an attribute by its name, by its sent name, or within nested values. */
function attributeOf(attributes: Fields, name: string): PlainValue | undefined {
  const own = (key: string) => (Object.hasOwn(attributes, key) ? attributes[key] : undefined)
  const found = own(name) ?? own(SENT_AS[name] ?? name)
  if (found !== undefined || !name.includes('.')) return found
  let value: PlainValue | undefined = attributes
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, part))
      return undefined
    value = value[part]
  }
  return value
}

function textAt(attributes: Fields, name: string): string | undefined {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  return typeof value === 'string' ? value : undefined
}

/** Method and route of a server's span, else the span's name. */
function resourceNameOf({ name, attributes }: StoredSpan): string {
  const [method, route] = [textAt(attributes, 'http.request.method'), textAt(attributes, 'http.route')]
  return method !== undefined && route !== undefined ? `${method} ${route}` : name
}

/** Datadog's names by the second version of its rule. */
function operationNameOf({ kind, attributes }: StoredSpan): string {
  if (textAt(attributes, 'http.request.method') !== undefined && (kind === 'server' || kind === 'client'))
    return `http.${kind}.request`
  const database = textAt(attributes, 'db.system.name') ?? textAt(attributes, 'db.system')
  if (database !== undefined && kind === 'client') return `${database}.query`
  return kind
}

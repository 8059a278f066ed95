import type { IncomingMessage, ServerResponse } from 'node:http'
import { DEFAULT_LIMITS, encodingOf, readRequestBody } from '@rollcall/otlp'
import { answer } from '../query/answer.ts'
import { complete, tagValues } from '../query/complete.ts'
import { matchesParts } from '../query/filter.ts'
import { parsed } from '../query/named-query.ts'
import { print } from '../query/print.ts'
import { RequestError, readQueryParameters, readQueryRequest } from '../query/request.ts'
import { reportingInterval } from '../query/window.ts'
import { LEVELS, type LogLine } from '../store/log-store.ts'
import type { StoredMetric } from '../store/metric-store.ts'
import type { TraceFilter, TraceSummary } from '../store/trace-store.ts'
import { waterfall } from '../store/waterfall.ts'
import type { TelemetryStore } from '../telemetry-store.ts'
import { HttpError } from './http-error.ts'
import { Parameters } from './parameters.ts'
import { replyJson } from './reply.ts'

const QUERY_BYTES = 262_144
const MOST_VALUES_OF_A_TAG = 1000

export interface ApiRequest {
  readonly telemetry: TelemetryStore
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly parameters: URLSearchParams
}

type Endpoint = (request: ApiRequest) => void | Promise<void>

/** Every endpoint by method and path. A known path with another method is 405. */
export const ENDPOINTS: Readonly<Record<string, Readonly<Record<string, Endpoint>>>> = {
  // Never 304: its clock, its memory and its counts change without news.
  '/api/status': { GET: ({ telemetry, response }) => replyJson(response, telemetry.status()) },
  '/api/stream': { GET: ({ telemetry, response }) => telemetry.stream.add(response) },
  '/api/metrics': { GET: metrics },
  '/api/query': {
    GET: ({ telemetry, response, parameters }) =>
      replyJson(response, answer(telemetry, readQueryParameters(parameters))),
    POST: async ({ telemetry, request, response }) =>
      replyJson(response, answer(telemetry, readQueryRequest(await readJson(request)))),
  },
  '/api/parse': { GET: parts },
  '/api/complete': { GET: completion },
  '/api/traces': { GET: traces },
  '/api/traces/:id': { GET: trace },
  '/api/logs': { GET: logs },
  '/api/events': { GET: events },
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  // A browser asks before it sends this type to another site (preflight), and is never allowed to.
  if (encodingOf(request.headers) !== 'json')
    throw new HttpError(415, 'The content type must be application/json.')
  const limits = { ...DEFAULT_LIMITS, maxBodyBytes: QUERY_BYTES, maxDecodedBytes: QUERY_BYTES }
  const { decoded } = await readRequestBody(request, request.headers, limits)
  try {
    return JSON.parse(decoded.toString('utf8'))
  } catch (error) {
    throw new RequestError(`the request is not JSON (${(error as Error).message})`)
  }
}

function metrics({ telemetry, response, parameters }: ApiRequest): void {
  const given = new Parameters(parameters)
  const name = given.text('name')
  const contained = given.text('q')?.toLowerCase() ?? ''
  given.end()
  if (name !== undefined) {
    const metric = telemetry.metrics.find(name)
    if (metric === undefined) throw new HttpError(404, `No metric named ${name.slice(0, 200)} is kept.`)
    replyJson(response, {
      metrics: [describe(metric, (values) => [...values.keys()].sort().slice(0, MOST_VALUES_OF_A_TAG))],
    })
    return
  }
  const found = [...telemetry.metrics.metrics()]
    .filter((metric) => metric.name.toLowerCase().includes(contained))
    .sort((one, other) => (one.name.toLowerCase() < other.name.toLowerCase() ? -1 : 1))
  replyJson(response, { metrics: found.map((metric) => describe(metric, (values) => values.size)) })
}

function describe(metric: StoredMetric, tag: (values: Map<string, number>) => unknown): object {
  const { name, kind, unit, description, series } = metric
  const tags = Object.create(null)
  for (const [key, values] of [...tagValues(metric)].sort(([one], [other]) => (one < other ? -1 : 1)))
    tags[key] = tag(values)
  return {
    name,
    kind,
    unit,
    description,
    series: series.size,
    interval: reportingInterval(metric) ?? null,
    tags,
  }
}

/** The parts of a query, for an editor's form. */
function parts({ response, parameters }: ApiRequest): void {
  const given = new Parameters(parameters)
  const text = given.text('query') ?? ''
  given.end()
  const expression = parsed('query', text)
  replyJson(response, { expression, text: print(expression) })
}

function completion({ telemetry, response, parameters }: ApiRequest): void {
  const given = new Parameters(parameters)
  const text = given.text('query') ?? ''
  const cursor = Math.min(given.number('cursor') ?? text.length, text.length)
  const listed = (name: string) => given.text(name)?.split(',') ?? []
  const asked = { text, cursor, names: listed('names'), variables: listed('variables') }
  given.end()
  if (text.length > 10_000) throw new HttpError(400, 'query has 10000 characters at most.')
  replyJson(response, complete(telemetry.metrics, asked))
}

function traces({ telemetry, response, parameters }: ApiRequest): void {
  const given = new Parameters(parameters)
  const route = given.text('route')
  const filter: TraceFilter = {
    service: given.text('service'),
    name: given.text('name'),
    route: route === undefined ? undefined : (text) => matchesParts(text, route.split('*')),
    status: statusFilter(given.text('status')),
    minMs: given.number('min'),
    maxMs: given.number('max'),
    text: given.text('text'),
    from: given.number('from'),
    to: given.number('to'),
  }
  const isSlowest = given.choice('sort', ['newest', 'slowest']) === 'slowest'
  const limit = given.integer('limit', 50, 500)
  const cursor = given.cursor()
  given.end()
  if (isSlowest) {
    const all = [...telemetry.traces.find(filter)].map(([, summary]) => summary)
    const slowest = all.sort((one, other) => other.duration - one.duration).slice(0, limit)
    replyJson(response, { traces: slowest, nextCursor: null })
    return
  }
  const page = [...telemetry.traces.find(filter, cursor).take(limit + 1)]
  const isMore = page.length > limit
  const shown = isMore ? page.slice(0, limit) : page
  replyJson(response, {
    traces: shown.map(([, summary]) => summary),
    nextCursor: isMore ? String(shown.at(-1)![0]) : null,
  })
}

function statusFilter(wanted: string | undefined): ((trace: TraceSummary) => boolean) | undefined {
  if (wanted === undefined) return undefined
  if (wanted === 'error') return ({ errors }) => errors > 0
  if (wanted === 'ok') return ({ errors }) => errors === 0
  if (!/^\d(\d\d|xx)$/i.test(wanted))
    throw new HttpError(400, 'status is error, ok, or an HTTP status such as 500 or 5xx.')
  const digits = wanted.replace(/xx$/i, '')
  return ({ httpStatus }) => httpStatus !== null && String(httpStatus).startsWith(digits)
}

function trace({ telemetry, response, path }: ApiRequest): void {
  const id = path.slice('/api/traces/'.length).toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(id)) throw new HttpError(400, 'A trace id has 32 hexadecimal digits.')
  const found = telemetry.traces.get(id)
  const lines = [...telemetry.logs.find({ traceId: id }).take(1000)].reverse()
  if (found === undefined)
    throw new HttpError(404, `No trace ${id} is kept: not sampled, not yet sent, or evicted.`)
  replyJson(response, {
    trace: found.trace,
    spans: waterfall(found.spans, found.trace.start).map((span) => ({
      ...span,
      events: span.events.map((event) => ({
        ...event,
        offset: Math.round((event.time - found.trace.start) * 1e3) / 1e3,
      })),
    })),
    logs: lines.map((line) => withTrace(telemetry, line)),
  })
}

function logs({ telemetry, response, parameters }: ApiRequest): void {
  const given = new Parameters(parameters)
  const filter = {
    text: given.text('text'),
    level: given.choice('level', LEVELS),
    service: given.text('service'),
    traceId: given.text('traceId')?.toLowerCase(),
    from: given.number('from'),
    to: given.number('to'),
  }
  const limit = given.integer('limit', 100, 1000)
  const cursor = given.cursor()
  given.end()
  const page = [...telemetry.logs.find(filter, cursor).take(limit + 1)]
  const isMore = page.length > limit
  const shown = isMore ? page.slice(0, limit) : page
  replyJson(response, {
    logs: shown.map((line) => withTrace(telemetry, line)),
    nextCursor: isMore ? String(shown.at(-1)!.id) : null,
  })
}

/** Log records with an event name and a title, such as deployments: charts show them as lines. */
function events({ telemetry, response, parameters }: ApiRequest): void {
  const given = new Parameters(parameters)
  const filter = { isEvent: true, from: given.number('from'), to: given.number('to') }
  const limit = given.integer('limit', 50, 500)
  given.end()
  const found = telemetry.logs.find(filter).take(limit)
  replyJson(response, {
    events: Array.from(found, ({ time, level, service, body, attributes: { title, tags }, traceId }) => ({
      time,
      level,
      service,
      title,
      text: body === title ? null : body,
      tags: typeof tags === 'string' ? tags.split(',') : [],
      traceId,
    })),
  })
}

function withTrace(telemetry: TelemetryStore, line: LogLine): LogLine & { hasTrace: boolean } {
  return { ...line, hasTrace: line.traceId !== null && telemetry.traces.has(line.traceId) }
}

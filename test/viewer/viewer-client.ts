import { join } from 'node:path'
import type { Test } from 'tap'
import { Viewer, type ViewerOptions } from '../../packages/viewer/src/viewer.ts'

type Value = string | number | boolean
export type Values = Record<string, Value>

export const DASHBOARDS = join(import.meta.dirname, '..', '..', 'datadog', 'dashboards')

/** The real viewer with the shipped dashboards on a free port, closed with the test. */
export async function openViewer(t: Pick<Test, 'teardown'>, options: Partial<ViewerOptions> = {}) {
  const viewer = await Viewer.start({
    host: '127.0.0.1',
    port: 0,
    minutes: 60,
    memoryMib: 64,
    dashboardsDirectory: DASHBOARDS,
    ...options,
  })
  t.teardown(() => viewer.close())
  return new ViewerClient(viewer.url)
}

export interface Reply {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  json: any
}

export class ViewerClient {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return replyOf(await fetch(this.url + path, { headers }))
  }

  async query(request: object): Promise<Reply> {
    return this.post('/api/query', request)
  }

  /** A request of one query, answered with its lines. */
  async lines(q: string, more: object = {}): Promise<{ tags: Values; values: (number | null)[] }[]> {
    const { status, json } = await this.query({ q, ...more })
    if (status !== 200) throw new Error(JSON.stringify(json))
    return json.series
  }

  async values(q: string, more: object = {}): Promise<{ tags: Values; value: number | null }[]> {
    const { status, json } = await this.query({ q, response_format: 'scalar', ...more })
    if (status !== 200) throw new Error(JSON.stringify(json))
    return json.values
  }

  async post(
    path: string,
    body: object | Buffer<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const isBytes = Buffer.isBuffer(body)
    const contentType = isBytes ? 'application/x-protobuf' : 'application/json'
    return replyOf(
      await fetch(this.url + path, {
        method: 'POST',
        headers: { 'content-type': contentType, ...headers },
        body: isBytes ? body : JSON.stringify(body),
      }),
    )
  }

  async send(metrics: object[], resource: Values = { 'host.name': 'a-host' }): Promise<Reply> {
    return this.post('/v1/metrics', metricsJson(metrics, resource))
  }

  async status(): Promise<Reply['json']> {
    return (await this.get('/api/status')).json
  }
}

async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text }
}

export function attributesOf(values: Values) {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValueOf(value) }))
}

function anyValueOf(value: Value) {
  if (typeof value === 'string') return { stringValue: value }
  return typeof value === 'number' ? { doubleValue: value } : { boolValue: value }
}

export function metricsJson(metrics: object[], resource: Values): object {
  return {
    resourceMetrics: [{ resource: { attributes: attributesOf(resource) }, scopeMetrics: [{ metrics }] }],
  }
}

/** `second` is of the epoch; further fields are OTLP's. */
export interface PointSpec {
  attributes?: Values
  second: number
  startSecond?: number
  [field: string]: unknown
}

function pointOf({ attributes = {}, second, startSecond = second - 10, ...fields }: PointSpec) {
  return {
    attributes: attributesOf(attributes),
    timeUnixNano: `${second}000000000`,
    startTimeUnixNano: `${startSecond}000000000`,
    ...fields,
  }
}

const TEMPORALITY = { delta: 1, cumulative: 2 }
type Temporality = keyof typeof TEMPORALITY

export function sum(
  name: string,
  points: PointSpec[],
  temporality: Temporality = 'delta',
  isMonotonic = true,
) {
  const data = {
    aggregationTemporality: TEMPORALITY[temporality],
    isMonotonic,
    dataPoints: points.map(pointOf),
  }
  return { name, unit: '{view}', description: `what ${name} counts`, sum: data }
}

export function gauge(name: string, points: PointSpec[]) {
  return { name, unit: '{row}', gauge: { dataPoints: points.map(pointOf) } }
}

export function histogram(name: string, points: PointSpec[], temporality: Temporality = 'delta') {
  return {
    name,
    unit: 's',
    histogram: { aggregationTemporality: TEMPORALITY[temporality], dataPoints: points.map(pointOf) },
  }
}

export function exponential(name: string, points: PointSpec[], temporality: Temporality = 'delta') {
  return {
    name,
    unit: 's',
    exponentialHistogram: {
      aggregationTemporality: TEMPORALITY[temporality],
      dataPoints: points.map(pointOf),
    },
  }
}

/** An exponential histogram's fields, made of the values one by one as the data model says. */
export function observed(values: readonly number[], scale: number) {
  const buckets = (sign: 1 | -1) => {
    const indexes = values
      .filter((value) => sign * value > 0)
      .map((value) => Math.ceil(Math.log2(sign * value) * 2 ** scale) - 1)
    const offset = Math.min(...indexes)
    const counts: number[] = indexes.length === 0 ? [] : new Array(Math.max(...indexes) - offset + 1).fill(0)
    for (const index of indexes) counts[index - offset]! += 1
    return { offset: indexes.length === 0 ? 0 : offset, bucketCounts: counts.map(String) }
  }
  return {
    count: String(values.length),
    sum: values.reduce((total, value) => total + value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    scale,
    zeroCount: String(values.filter((value) => value === 0).length),
    positive: buckets(1),
    negative: buckets(-1),
  }
}

/** The full minute that ended last, in seconds, so that buckets of a minute are whole. */
export function lastMinute(): number {
  return Math.floor(Date.now() / 60_000 - 1) * 60
}

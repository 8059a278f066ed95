import { randomBytes } from 'node:crypto'

const SECOND_NS = 1_000_000_000n

/** Exports one point, with the value 1, of a delta counter that ends at the given nanosecond. */
export function deltaPoint(time: bigint) {
  const point = {
    asInt: '1',
    startTimeUnixNano: String(time - SECOND_NS),
    timeUnixNano: String(time),
    attributes: [],
  }
  const metric = {
    name: 'test.delta',
    unit: '1',
    sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [point] },
  }
  return post({ resourceMetrics: [{ resource: {}, scopeMetrics: [{ scope: {}, metrics: [metric] }] }] })
}

type Attributes = Readonly<Record<string, string>>

/** Exports metrics of one resource, each `{ name, unit, sum: … }` and so on. */
export function metricsOf(resource: Attributes, metrics: readonly object[]) {
  const attributes = attributesOf(resource)
  return post({ resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ scope: {}, metrics }] }] })
}

/** What every kind of point has; it ends at the given second and began a second before. */
export function pointAt(second: number, attributes: Attributes) {
  const nanoseconds = (at: number) => String(BigInt(at) * SECOND_NS)
  return {
    startTimeUnixNano: nanoseconds(second - 1),
    timeUnixNano: nanoseconds(second),
    attributes: attributesOf(attributes),
  }
}

function attributesOf(values: Attributes) {
  return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }))
}

/** Exports one span without a parent. */
export function lonelySpan(name: string) {
  return spansOf('lonely', [name])
}

/** Exports a span without a parent for each name. */
export function spansOf(service: string, names: readonly string[]) {
  const now = BigInt(Date.now()) * 1_000_000n
  const spans = names.map((name) => ({
    name,
    kind: 1,
    traceId: randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    startTimeUnixNano: String(now),
    endTimeUnixNano: String(now + 1n),
    attributes: [],
  }))
  const resource = { attributes: attributesOf({ 'service.name': service }) }
  return post({ resourceSpans: [{ resource, scopeSpans: [{ scope: {}, spans }] }] })
}

/** Exports one log record. */
export function logRecord(text: string) {
  const record = { timeUnixNano: String(BigInt(Date.now()) * 1_000_000n), body: { stringValue: text } }
  return post({ resourceLogs: [{ resource: {}, scopeLogs: [{ scope: {}, logRecords: [record] }] }] })
}

function post(body: object) {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

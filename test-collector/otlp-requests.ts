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

/** Exports one span without a parent. */
export function lonelySpan(name: string) {
  const now = BigInt(Date.now()) * 1_000_000n
  const span = {
    name,
    kind: 1,
    traceId: randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    startTimeUnixNano: String(now),
    endTimeUnixNano: String(now + 1n),
    attributes: [],
  }
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'lonely' } }] }
  return post({ resourceSpans: [{ resource, scopeSpans: [{ scope: {}, spans: [span] }] }] })
}

function post(body: object) {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

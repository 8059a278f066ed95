import type { Test } from 'tap'
import { Intake, type IntakeOptions } from './intake.ts'

/** When all points of a test were taken, unless it says otherwise. */
export const NOW_MS = 1_790_000_000_000

/** An intake of this test's own, whose clock stands at `NOW_MS`. */
export async function openIntake(t: Test, options: IntakeOptions = {}): Promise<Intake> {
  const intake = await Intake.start({ now: () => NOW_MS, ...options })
  t.teardown(() => intake.close())
  return intake
}

export interface Answer {
  status: number
  headers: Headers
  text: string
}

export async function post(
  url: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const contentType = typeof body === 'string' ? 'application/json' : 'application/x-protobuf'
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': contentType, 'dd-api-key': 'a key', ...headers },
    // No buffer here is shared between threads, which is all that the narrower type rules out.
    body: body as string | Buffer<ArrayBuffer>,
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

type Values = Record<string, string | number>

/** One point of `Values` as OTLP/JSON writes them. */
interface PointSpec {
  attributes?: Values
  /** Before `NOW_MS`, in milliseconds. */
  agoMs?: number
  [field: string]: unknown
}

export function attributesOf(values: Values) {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { doubleValue: value },
  }))
}

export function pointOf({ attributes = {}, agoMs = 0, ...fields }: PointSpec) {
  const time = String(BigInt(NOW_MS - agoMs) * 1_000_000n)
  return { attributes: attributesOf(attributes), timeUnixNano: time, startTimeUnixNano: time, ...fields }
}

/** A request with one metric, as JSON. `data` is `{ sum: … }` and so on. */
export function metricJson(name: string, data: object, resource: Values = { 'host.name': 'a-host' }): string {
  return JSON.stringify({
    resourceMetrics: [
      { resource: { attributes: attributesOf(resource) }, scopeMetrics: [{ metrics: [{ name, ...data }] }] },
    ],
  })
}

export function deltaSum(...points: PointSpec[]): object {
  return { sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: points.map(pointOf) } }
}

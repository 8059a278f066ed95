import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { checkJsonBounds } from '../../../packages/otlp/src/json-bounds.ts'
import { DEFAULT_LIMITS, type OtlpLimits } from '../../../packages/otlp/src/limits.ts'
import type { MessageCodec } from '../../../packages/otlp/src/message.ts'
import { malformed, OtlpError } from '../../../packages/otlp/src/otlp-error.ts'
import { encodingOf, readRequestBody } from '../../../packages/otlp/src/request-body.ts'
import { WireReader } from '../../../packages/otlp/src/wire-reader.ts'
import {
  type AgentSpan,
  type Series,
  type SketchSeries,
  seriesPayload,
  sketchPayload,
  tracePayload,
} from './agent-fields.ts'
import { type Judged, judgeDistribution, judgeNumber, untimelyComplaint } from './metric-rules.ts'
import type { StoredValue } from './received-metrics.ts'

/** A point as it came, with why it is dropped or what is stored of it. */
export interface AgentPoint {
  readonly metric: string
  readonly host: string
  readonly tags: readonly string[]
  /** Nanoseconds since the epoch, whole seconds. */
  readonly time: bigint
  readonly judged: Judged
}

/** What a request brings; `host` is the host that a machine's description names. */
export type AgentContent =
  | { readonly signal: 'metrics'; readonly points: readonly AgentPoint[] }
  | { readonly signal: 'traces'; readonly spans: readonly AgentSpan[] }
  | { readonly signal: 'logs'; readonly records: number }
  | { readonly signal: 'none'; readonly host: string }

interface Endpoint {
  readonly signal: AgentContent['signal']
  /** Of its reply when all is well. */
  readonly status: 200 | 202
  readonly limits: Pick<OtlpLimits, 'maxBodyBytes' | 'maxDecodedBytes'>
  readonly encodings: readonly ('protobuf' | 'json')[]
  read(body: Buffer, isJson: boolean, nowMs: number): AgentContent
}

/**
 * Limits: series, API "Submit metrics"; logs, API "Send logs"; sketches, the ones that the Agent keeps to (its
 * serializer.go of the exporter: "Your payloads will get dropped by Datadog's intake"); traces, its writer/trace.go
 * ("3.2MB is the maximum allowed by the Datadog API"). A description of a machine has none that is documented.
 */
const ENDPOINTS = new Map<string, Endpoint>([
  [
    '/api/v2/series',
    {
      signal: 'metrics',
      status: 202,
      limits: { maxBodyBytes: 512_000, maxDecodedBytes: 5_242_880 },
      encodings: ['protobuf', 'json'],
      read: (body, isJson, nowMs) => ({
        signal: 'metrics',
        points: decode(seriesPayload, body, isJson).series.flatMap((series) => pointsOf(series, nowMs)),
      }),
    },
  ],
  [
    '/api/beta/sketches',
    {
      signal: 'metrics',
      status: 202,
      limits: { maxBodyBytes: 2_621_440, maxDecodedBytes: 4_194_304 },
      encodings: ['protobuf'],
      read: (body, isJson, nowMs) => ({
        signal: 'metrics',
        points: decode(sketchPayload, body, isJson).sketches.flatMap((sketch) => sketchesOf(sketch, nowMs)),
      }),
    },
  ],
  [
    '/api/v0.2/traces',
    {
      signal: 'traces',
      status: 200,
      limits: { maxBodyBytes: 3_200_000, maxDecodedBytes: 3_200_000 },
      encodings: ['protobuf'],
      read(body, isJson) {
        const { tracerPayloads, indexedPayloads } = decode(tracePayload, body, isJson)
        if (indexedPayloads.length > 0) throw malformed('Indexed tracer payloads are not modelled here.')
        return {
          signal: 'traces',
          spans: tracerPayloads.flatMap(({ chunks }) => chunks.flatMap(({ spans }) => spans)),
        }
      },
    },
  ],
  [
    '/api/v2/logs',
    {
      signal: 'logs',
      status: 202,
      limits: { maxBodyBytes: 5_000_000, maxDecodedBytes: 5_000_000 },
      encodings: ['json'],
      read: (body) => ({ signal: 'logs', records: recordsIn(parse(body)) }),
    },
  ],
  [
    '/intake',
    {
      signal: 'none',
      status: 202,
      limits: { maxBodyBytes: 5_000_000, maxDecodedBytes: 5_000_000 },
      encodings: ['json'],
      read: (body) => ({ signal: 'none', host: describedHost(parse(body)) }),
    },
  ],
])

/**
 * Datadog's own intake, as the `datadog` exporter uses it, which sends to one host for each signal what comes to one
 * here. Undefined for paths that are none of it.
 */
export function agentEndpoint(path: string): Endpoint | undefined {
  return ENDPOINTS.get(path.replace(/\/$/, ''))
}

/** A request's content. Throws an `OtlpError` that says what is not taken, and why. */
export async function readAgentRequest(
  request: IncomingMessage,
  { encodings, limits, read }: Endpoint,
  nowMs: number,
): Promise<AgentContent> {
  const encoding = encodingOf(request.headers)
  if (!encodings.includes(encoding)) throw new OtlpError(415, `This endpoint takes ${encodings.join(', ')}.`)
  const body = await readBody(request, request.headers, { ...DEFAULT_LIMITS, ...limits })
  return read(body, encoding === 'json', nowMs)
}

async function readBody(
  request: IncomingMessage,
  headers: IncomingHttpHeaders,
  limits: OtlpLimits,
): Promise<Buffer> {
  const encoding = headers['content-encoding']
  if (encoding !== 'zstd' && encoding !== 'zstd1')
    return (await readRequestBody(request, headers, limits)).decoded
  // The header's two spellings: what the Agent sends, and what the API's description names.
  const asIs = { ...headers, 'content-encoding': 'identity' }
  const { sent } = await readRequestBody(request, asIs, limits)
  try {
    return await promisify(zstdDecompress)(sent, { maxOutputLength: limits.maxDecodedBytes })
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ERR_BUFFER_TOO_LARGE')
      throw malformed('The body cannot be decompressed.', cause)
    throw new OtlpError(413, `The body is larger than ${limits.maxDecodedBytes} bytes after decompression.`)
  }
}

function decode<M extends object>(codec: MessageCodec<M>, body: Buffer, isJson: boolean): M {
  if (isJson) return codec.fromJson(parse(body), undefined)
  return codec.readWhole(new WireReader(body, DEFAULT_LIMITS))
}

function parse(body: Buffer): unknown {
  checkJsonBounds(body, DEFAULT_LIMITS)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw malformed('The body is not JSON.', cause)
  }
}

function pointsOf({ resources, metric, tags, points, type }: Series, nowMs: number): AgentPoint[] {
  const stray = resources.find((resource) => resource.type !== 'host')
  if (stray) throw malformed(`${metric}: the resource type ${stray.type} is not modelled here.`)
  if (resources.length > 1) throw malformed(`${metric} has ${resources.length} hosts.`)
  if (metric === '') throw malformed('A series has no name.')
  const kind = STORED_AS.get(type)
  if (kind === undefined) throw malformed(`${metric}: the type ${type} is not modelled here.`)
  const host = resources[0]?.name ?? ''
  return points.map(({ timestamp, value }) =>
    point({ metric, host, tags }, timestamp, nowMs, () => judgeNumber(kind, value)),
  )
}

/** Rates would be counts divided by the interval; the exporter makes none of OTLP's kinds. */
const STORED_AS = new Map<number, 'count' | 'gauge'>([
  [1, 'count'],
  [3, 'gauge'],
])

function sketchesOf(
  { metric, host, tags, points, distributions }: SketchSeries,
  nowMs: number,
): AgentPoint[] {
  if (distributions.length > 0)
    throw malformed(`${metric}: distributions of the old form are not modelled here.`)
  if (metric === '') throw malformed('A sketch has no name.')
  return points.map(({ timestamp, count, min, max, sum, keys, counts }) => {
    if (keys.length !== counts.length)
      throw malformed(`${metric}: ${keys.length} keys, ${counts.length} counts.`)
    const inBins = counts.reduce((total, each) => total + each, 0)
    return point({ metric, host, tags }, timestamp, nowMs, () =>
      judgeDistribution({ count: Number(count), sum, min, max }, inBins, { keys, counts }),
    )
  })
}

function point(
  series: Pick<AgentPoint, 'metric' | 'host' | 'tags'>,
  timestamp: number | bigint,
  nowMs: number,
  judge: () => { readonly value: StoredValue } | { readonly dropped: string },
): AgentPoint {
  const time = BigInt(timestamp) * 1_000_000_000n
  const untimely = untimelyComplaint(time, nowMs)
  return { ...series, time, judged: untimely === undefined ? judge() : { dropped: untimely } }
}

/** One record or a list of them; an empty object is how the exporter asks whether anybody is there. */
function recordsIn(json: unknown): number {
  const records = Array.isArray(json) ? json : [json]
  if (records.length > 1000) throw new OtlpError(413, 'There are more than 1000 records.')
  if (!Array.isArray(json) && json !== null && typeof json === 'object' && Object.keys(json).length === 0)
    return 0
  for (const record of records)
    if (typeof (record as { message?: unknown } | null)?.message !== 'string')
      throw malformed('A record has no message.')
  return records.length
}

function describedHost(json: unknown): string {
  const host = (json as { internalHostname?: unknown } | null)?.internalHostname
  if (typeof host !== 'string' || host === '')
    throw malformed('Of what /intake takes, only descriptions of a host are modelled here.')
  return host
}

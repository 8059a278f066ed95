import { zstdDecompressSync } from 'node:zlib'
import {
  type BodyLimits,
  COMPRESSIONS,
  contentOf,
  encodingOf,
  type ReceivedRequest,
  Refused,
  readable,
} from '../answering-server.ts'
import { type Encoding, type Long, toBigInt, toNumber } from '../protobuf.ts'
import { type AgentMessage, agent } from './agent-messages.ts'
import type { Content, JudgedPoint } from './content.ts'
import { type Judged, judgeDistribution, judgeNumber, untimelyComplaint } from './metric-rules.ts'

interface Endpoint {
  readonly signal: 'metrics' | 'traces' | 'logs' | 'none'
  /** Of its reply when all is well. */
  readonly status: 200 | 202
  readonly limits: BodyLimits
  readonly encodings: readonly Encoding[]
  read(body: Buffer, encoding: Encoding, nowMs: number): Content
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
      limits: { maxSentBytes: 512_000, maxBytes: 5_242_880 },
      encodings: ['protobuf', 'json'],
      read: (body, encoding, nowMs) => ({
        points: agent.read('MetricPayload', encoding, body).series.flatMap((each) => pointsOf(each, nowMs)),
      }),
    },
  ],
  [
    '/api/beta/sketches',
    {
      signal: 'metrics',
      status: 202,
      limits: { maxSentBytes: 2_621_440, maxBytes: 4_194_304 },
      encodings: ['protobuf'],
      read: (body, encoding, nowMs) => ({
        points: agent
          .read('SketchPayload', encoding, body)
          .sketches.flatMap((each) => sketchesOf(each, nowMs)),
      }),
    },
  ],
  [
    '/api/v0.2/traces',
    {
      signal: 'traces',
      status: 200,
      limits: { maxSentBytes: 3_200_000, maxBytes: 3_200_000 },
      encodings: ['protobuf'],
      read(body, encoding) {
        const { tracerPayloads, idxTracerPayloads } = agent.read('AgentPayload', encoding, body)
        if (idxTracerPayloads.length > 0)
          throw new Refused(400, 'Indexed tracer payloads are not modelled here.')
        const spans = tracerPayloads.flatMap(({ chunks }) => chunks.flatMap((chunk) => chunk.spans))
        return { spanIds: spans.map(({ traceID, spanID }) => `${toBigInt(traceID)}:${toBigInt(spanID)}`) }
      },
    },
  ],
  [
    '/api/v2/logs',
    {
      signal: 'logs',
      status: 202,
      limits: { maxSentBytes: 5_000_000, maxBytes: 5_000_000 },
      encodings: ['json'],
      read: (body) => ({ records: recordsIn(JSON.parse(body.toString('utf8'))) }),
    },
  ],
  [
    '/intake',
    {
      signal: 'none',
      status: 202,
      limits: { maxSentBytes: 5_000_000, maxBytes: 5_000_000 },
      encodings: ['json'],
      read: (body) => ({ host: describedHost(JSON.parse(body.toString('utf8'))) }),
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

/** Two spellings of one: what the Agent sends, and what the API's description names. */
const AGENT_COMPRESSIONS = { ...COMPRESSIONS, zstd: zstdDecompressSync, zstd1: zstdDecompressSync }

export function readAgentRequest(
  request: ReceivedRequest,
  { encodings, limits, read }: Endpoint,
  nowMs: number,
): Content {
  const encoding = encodingOf(request)
  if (!encodings.includes(encoding)) throw new Refused(415, `This endpoint takes ${encodings.join(', ')}.`)
  return readable(() => read(contentOf(request, limits, AGENT_COMPRESSIONS), encoding, nowMs))
}

/** Rates would be counts divided by the interval; the exporter makes none of OTLP's kinds. */
const STORED_AS = new Map<number, 'count' | 'gauge'>([
  [1, 'count'],
  [3, 'gauge'],
])

function pointsOf(
  { resources, metric, tags, points, type }: AgentMessage<'Series'>,
  nowMs: number,
): JudgedPoint[] {
  const stray = resources.find((resource) => resource.type !== 'host')
  if (stray) throw new Refused(400, `${metric}: the resource type ${stray.type} is not modelled here.`)
  if (resources.length > 1) throw new Refused(400, `${metric} has ${resources.length} hosts.`)
  if (metric === '') throw new Refused(400, 'A series has no name.')
  const kind = STORED_AS.get(type)
  if (kind === undefined) throw new Refused(400, `${metric}: the type ${type} is not modelled here.`)
  const host = resources[0]?.name ?? ''
  return points.map(({ timestamp, value }) =>
    point({ metric, host, tags }, timestamp, nowMs, () => judgeNumber(kind, value)),
  )
}

function sketchesOf(
  { metric, host, tags, dogsketches, distributions }: AgentMessage<'Sketch'>,
  nowMs: number,
): JudgedPoint[] {
  if (distributions.length > 0)
    throw new Refused(400, `${metric}: distributions of the old form are not modelled here.`)
  if (metric === '') throw new Refused(400, 'A sketch has no name.')
  return dogsketches.map(({ ts, cnt, min, max, sum, k, n }) => {
    if (k.length !== n.length) throw new Refused(400, `${metric}: ${k.length} keys, ${n.length} counts.`)
    const inBins = n.reduce((total, each) => total + each, 0)
    return point({ metric, host, tags }, ts, nowMs, () =>
      judgeDistribution({ count: toNumber(cnt), sum, min, max }, inBins, { keys: k, counts: n }),
    )
  })
}

function point(
  series: Pick<JudgedPoint, 'metric' | 'host' | 'tags'>,
  timestamp: Long,
  nowMs: number,
  judge: () => Judged,
): JudgedPoint {
  const time = toBigInt(timestamp) * 1_000_000_000n
  const untimely = untimelyComplaint(time, nowMs)
  // It sends neither starts nor parts of seconds, so an equal value in the same second counts as a repeat.
  return {
    ...series,
    time,
    startTime: time,
    judged: untimely === undefined ? judge() : { dropped: untimely },
  }
}

/** One record or a list of them; an empty object is how the exporter asks whether anybody is there. */
function recordsIn(json: unknown): number {
  const records = Array.isArray(json) ? json : [json]
  if (records.length > 1000) throw new Refused(413, 'There are more than 1000 records.')
  if (!Array.isArray(json) && json !== null && typeof json === 'object' && Object.keys(json).length === 0)
    return 0
  for (const record of records)
    if (typeof (record as { message?: unknown } | null)?.message !== 'string')
      throw new Refused(400, 'A record has no message.')
  return records.length
}

function describedHost(json: unknown): string {
  const host = (json as { internalHostname?: unknown } | null)?.internalHostname
  if (typeof host !== 'string' || host === '')
    throw new Refused(400, 'Of what /intake takes, only descriptions of a host are modelled here.')
  return host
}

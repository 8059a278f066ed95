/**
 * Field tables of what the `datadog` exporter sends: proto/metrics/agent_payload.proto of DataDog/agent-payload
 * (v5.0.202), and pkg/proto/datadog/trace/{agent_payload,tracer_payload,span}.proto of DataDog/datadog-agent. Fields
 * that say nothing of what is stored are left out.
 */
import {
  addAll,
  type Codec,
  double,
  enumeration,
  int64,
  numbers,
  sint32,
  text,
  uint32,
} from '../../../packages/otlp/src/codecs.ts'
import { MessageCodec, messages } from '../../../packages/otlp/src/message.ts'
import { WIRE } from '../../../packages/otlp/src/wire-reader.ts'

export interface SeriesPoint {
  value: number
  /** Seconds since the epoch. */
  timestamp: number | bigint
}

export interface Series {
  resources: { type: string; name: string }[]
  metric: string
  tags: string[]
  points: SeriesPoint[]
  /** 1 count, 2 rate, 3 gauge; 0 is not specified. */
  type: number
  /** Seconds; a count does not need it, a rate does. */
  interval: number | bigint
}

export interface SketchPoint {
  /** Seconds since the epoch. */
  timestamp: number | bigint
  count: number | bigint
  min: number
  max: number
  sum: number
  keys: number[]
  counts: number[]
}

export interface SketchSeries {
  metric: string
  host: string
  tags: string[]
  points: SketchPoint[]
  /** The older form, which is not modelled: only how many there are. */
  distributions: object[]
}

export interface AgentSpan {
  traceId: bigint
  spanId: bigint
}

const texts: Codec<string[]> = {
  wire: WIRE.bytes,
  read(reader, soFar) {
    reader.element()
    soFar.push(reader.string())
    return soFar
  },
  fromJson: (json, soFar) => addAll(soFar, json, (item) => text.fromJson(item, '')),
}

/** Ids of traces and spans; as a double they would be rounded. */
const id: Codec<bigint> = {
  wire: WIRE.varint,
  read: (reader) => reader.varint64(),
  fromJson: () => 0n,
}

const resource = new MessageCodec(() => ({ type: '', name: '' }), {
  type: [1, 'type', text],
  name: [2, 'name', text],
})

const seriesPoint = new MessageCodec<SeriesPoint>(() => ({ value: 0, timestamp: 0 }), {
  value: [1, 'value', double],
  timestamp: [2, 'timestamp', int64],
})

const series = new MessageCodec<Series>(
  () => ({ resources: [], metric: '', tags: [], points: [], type: 0, interval: 0 }),
  {
    resources: [1, 'resources', messages(resource)],
    metric: [2, 'metric', text],
    tags: [3, 'tags', texts],
    points: [4, 'points', messages(seriesPoint)],
    type: [5, 'type', enumeration],
    interval: [8, 'interval', int64],
  },
)

export const seriesPayload = new MessageCodec<{ series: Series[] }>(() => ({ series: [] }), {
  series: [1, 'series', messages(series)],
})

const sketchPoint = new MessageCodec<SketchPoint>(
  () => ({ timestamp: 0, count: 0, min: 0, max: 0, sum: 0, keys: [], counts: [] }),
  {
    timestamp: [1, 'ts', int64],
    count: [2, 'cnt', int64],
    min: [3, 'min', double],
    max: [4, 'max', double],
    sum: [6, 'sum', double],
    keys: [7, 'k', numbers(sint32)],
    counts: [8, 'n', numbers(uint32)],
  },
)

const sketchSeries = new MessageCodec<SketchSeries>(
  () => ({ metric: '', host: '', tags: [], points: [], distributions: [] }),
  {
    metric: [1, 'metric', text],
    host: [2, 'host', text],
    distributions: [3, 'distributions', messages(new MessageCodec<object>(() => ({}), {}))],
    tags: [4, 'tags', texts],
    points: [7, 'dogsketches', messages(sketchPoint)],
  },
)

export const sketchPayload = new MessageCodec<{ sketches: SketchSeries[] }>(() => ({ sketches: [] }), {
  sketches: [1, 'sketches', messages(sketchSeries)],
})

const span = new MessageCodec<AgentSpan>(() => ({ traceId: 0n, spanId: 0n }), {
  traceId: [4, 'traceID', id],
  spanId: [5, 'spanID', id],
})

const traceChunk = new MessageCodec<{ spans: AgentSpan[] }>(() => ({ spans: [] }), {
  spans: [3, 'spans', messages(span)],
})

const tracerPayload = new MessageCodec<{ chunks: { spans: AgentSpan[] }[] }>(() => ({ chunks: [] }), {
  chunks: [6, 'chunks', messages(traceChunk)],
})

export interface TracePayload {
  tracerPayloads: { chunks: { spans: AgentSpan[] }[] }[]
  /** A newer form, which is not modelled: only how many there are. */
  indexedPayloads: object[]
}

export const tracePayload = new MessageCodec<TracePayload>(
  () => ({ tracerPayloads: [], indexedPayloads: [] }),
  {
    tracerPayloads: [5, 'tracerPayloads', messages(tracerPayload)],
    indexedPayloads: [11, 'idxTracerPayloads', messages(new MessageCodec<object>(() => ({}), {}))],
  },
)

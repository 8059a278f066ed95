import { type Message, Protobuf } from '../protobuf.ts'

/**
 * What the `datadog` exporter sends: proto/metrics/agent_payload.proto of DataDog/agent-payload (v5.0.202), and
 * pkg/proto/datadog/trace/{agent_payload,tracer_payload,span}.proto of DataDog/datadog-agent. Fields that say nothing of
 * what is stored are left out.
 */
const MESSAGES = {
  MetricPayload: { series: 'repeated Series 1' },
  Series: {
    resources: 'repeated Resource 1',
    metric: 'string 2',
    tags: 'repeated string 3',
    points: 'repeated Point 4',
    type: 'int32 5',
  },
  Resource: { type: 'string 1', name: 'string 2' },
  Point: { value: 'double 1', timestamp: 'int64 2' },

  SketchPayload: { sketches: 'repeated Sketch 1' },
  Sketch: {
    metric: 'string 1',
    host: 'string 2',
    distributions: 'repeated OfOlderForm 3',
    tags: 'repeated string 4',
    dogsketches: 'repeated Dogsketch 7',
  },
  Dogsketch: {
    ts: 'int64 1',
    cnt: 'int64 2',
    min: 'double 3',
    max: 'double 4',
    sum: 'double 6',
    k: 'repeated sint32 7',
    n: 'repeated uint32 8',
  },
  /** Not modelled: only how many there are. */
  OfOlderForm: {},

  AgentPayload: { tracerPayloads: 'repeated TracerPayload 5', idxTracerPayloads: 'repeated OfNewerForm 11' },
  TracerPayload: { chunks: 'repeated TraceChunk 6' },
  TraceChunk: { spans: 'repeated Span 3' },
  Span: { traceID: 'uint64 4', spanID: 'uint64 5' },
  /** Not modelled: only how many there are. */
  OfNewerForm: {},
} as const

export const agent = new Protobuf(MESSAGES)

export type AgentMessage<N extends keyof typeof MESSAGES> = Message<typeof MESSAGES, N>

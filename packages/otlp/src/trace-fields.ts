/** Field tables of opentelemetry/proto/trace/v1/trace.proto (opentelemetry-proto v1.11.0). */
import { enumeration, fixed32, nanoseconds, spanId, text, traceId, uint32 } from './codecs.ts'
import { emptyResource, emptyScope, keyValues, noAttributes, resource, scope } from './common-fields.ts'
import { MessageCodec, messages } from './message.ts'
import type {
  ResourceSpans,
  ScopeSpans,
  Span,
  SpanEvent,
  SpanLink,
  SpanStatus,
  TraceRequest,
} from './model.ts'

const event = new MessageCodec<SpanEvent>(
  () => ({ time: 0n, name: '', attributes: noAttributes(), droppedAttributesCount: 0 }),
  {
    time: [1, 'timeUnixNano', nanoseconds],
    name: [2, 'name', text],
    attributes: [3, 'attributes', keyValues],
    droppedAttributesCount: [4, 'droppedAttributesCount', uint32],
  },
)

const link = new MessageCodec<SpanLink>(
  () => ({
    traceId: undefined,
    spanId: undefined,
    traceState: '',
    attributes: noAttributes(),
    droppedAttributesCount: 0,
    flags: 0,
  }),
  {
    traceId: [1, 'traceId', traceId],
    spanId: [2, 'spanId', spanId],
    traceState: [3, 'traceState', text],
    attributes: [4, 'attributes', keyValues],
    droppedAttributesCount: [5, 'droppedAttributesCount', uint32],
    flags: [6, 'flags', fixed32],
  },
)

const status = new MessageCodec<SpanStatus>(() => ({ message: '', code: 0 }), {
  message: [2, 'message', text],
  code: [3, 'code', enumeration],
})

const span = new MessageCodec<Span>(
  () => ({
    traceId: undefined,
    spanId: undefined,
    parentSpanId: undefined,
    traceState: '',
    flags: 0,
    name: '',
    kind: 0,
    startTime: 0n,
    endTime: 0n,
    attributes: noAttributes(),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 0 },
  }),
  {
    traceId: [1, 'traceId', traceId],
    spanId: [2, 'spanId', spanId],
    traceState: [3, 'traceState', text],
    parentSpanId: [4, 'parentSpanId', spanId],
    flags: [16, 'flags', fixed32],
    name: [5, 'name', text],
    kind: [6, 'kind', enumeration],
    startTime: [7, 'startTimeUnixNano', nanoseconds],
    endTime: [8, 'endTimeUnixNano', nanoseconds],
    attributes: [9, 'attributes', keyValues],
    droppedAttributesCount: [10, 'droppedAttributesCount', uint32],
    events: [11, 'events', messages(event)],
    droppedEventsCount: [12, 'droppedEventsCount', uint32],
    links: [13, 'links', messages(link)],
    droppedLinksCount: [14, 'droppedLinksCount', uint32],
    status: [15, 'status', status],
  },
)

const scopeSpans = new MessageCodec<ScopeSpans>(() => ({ scope: emptyScope(), spans: [], schemaUrl: '' }), {
  scope: [1, 'scope', scope],
  spans: [2, 'spans', messages(span)],
  schemaUrl: [3, 'schemaUrl', text],
})

const resourceSpans = new MessageCodec<ResourceSpans>(
  () => ({ resource: emptyResource(), scopeSpans: [], schemaUrl: '' }),
  {
    resource: [1, 'resource', resource],
    scopeSpans: [2, 'scopeSpans', messages(scopeSpans)],
    schemaUrl: [3, 'schemaUrl', text],
  },
)

export const traceRequest = new MessageCodec<TraceRequest>(() => ({ resourceSpans: [] }), {
  resourceSpans: [1, 'resourceSpans', messages(resourceSpans)],
})

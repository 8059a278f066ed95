/** Field tables of opentelemetry/proto/logs/v1/logs.proto (opentelemetry-proto v1.11.0). */
import { enumeration, fixed32, nanoseconds, spanId, text, traceId, uint32 } from './codecs.ts'
import {
  anyValue,
  emptyResource,
  emptyScope,
  keyValues,
  noAttributes,
  resource,
  scope,
} from './common-fields.ts'
import { MessageCodec, messages } from './message.ts'
import type { LogRecord, LogsRequest, ResourceLogs, ScopeLogs } from './model.ts'

const logRecord = new MessageCodec<LogRecord>(
  () => ({
    time: 0n,
    observedTime: 0n,
    severityNumber: 0,
    severityText: '',
    body: null,
    attributes: noAttributes(),
    droppedAttributesCount: 0,
    flags: 0,
    traceId: undefined,
    spanId: undefined,
    eventName: '',
  }),
  {
    time: [1, 'timeUnixNano', nanoseconds],
    observedTime: [11, 'observedTimeUnixNano', nanoseconds],
    severityNumber: [2, 'severityNumber', enumeration],
    severityText: [3, 'severityText', text],
    body: [5, 'body', anyValue],
    attributes: [6, 'attributes', keyValues],
    droppedAttributesCount: [7, 'droppedAttributesCount', uint32],
    flags: [8, 'flags', fixed32],
    traceId: [9, 'traceId', traceId],
    spanId: [10, 'spanId', spanId],
    eventName: [12, 'eventName', text],
  },
)

const scopeLogs = new MessageCodec<ScopeLogs>(
  () => ({ scope: emptyScope(), logRecords: [], schemaUrl: '' }),
  {
    scope: [1, 'scope', scope],
    logRecords: [2, 'logRecords', messages(logRecord)],
    schemaUrl: [3, 'schemaUrl', text],
  },
)

const resourceLogs = new MessageCodec<ResourceLogs>(
  () => ({ resource: emptyResource(), scopeLogs: [], schemaUrl: '' }),
  {
    resource: [1, 'resource', resource],
    scopeLogs: [2, 'scopeLogs', messages(scopeLogs)],
    schemaUrl: [3, 'schemaUrl', text],
  },
)

export const logsRequest = new MessageCodec<LogsRequest>(() => ({ resourceLogs: [] }), {
  resourceLogs: [1, 'resourceLogs', messages(resourceLogs)],
})

import { context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
} from '@opentelemetry/semantic-conventions'
import { findRequestScope, NO_PAGE } from '@rollcall/fastify-route-telemetry'
import type { DatabaseObserver, StatementDescription, StatementProbe } from '../db/observer.ts'
import { databaseErrorTag } from './attribute-values.ts'
import { METRICS } from './catalogue.ts'
import type { Instruments, Recorder } from './instruments.ts'
import { ATTR_DB_CLIENT_CONNECTION_POOL_NAME, DB_SYSTEM_NAME_VALUE_SQLITE } from './semconv.ts'

/**
 * Times every query under both of its names, and adds it to the trace of its request if that is sampled. Instruments
 * are bound once for each statement and page.
 */
export function queryTiming({
  instruments,
  tracer,
}: {
  instruments: Instruments
  tracer: Tracer
}): DatabaseObserver {
  const wait = instruments.histogram(METRICS.connectionWait, {
    [ATTR_DB_CLIENT_CONNECTION_POOL_NAME]: 'main',
  })

  return {
    connectionWait: (seconds) => wait.record(seconds),
    statement(description): StatementProbe {
      const recorders = new StatementRecorders(instruments, description)
      return (startedAtMs, endedAtMs, error) => {
        try {
          const active = context.active()
          const scope = findRequestScope(active)
          const page = scope?.page ?? NO_PAGE
          const errorType = error === undefined ? undefined : databaseErrorTag(error)
          const durationMs = endedAtMs - startedAtMs
          recorders.of(page, errorType).record(durationMs / 1000)
          if (scope) {
            scope.queries += 1
            scope.queryMs += durationMs
          }
          if (trace.getSpan(active)?.isRecording()) {
            const span = tracer.startSpan(
              description.summary,
              { kind: SpanKind.CLIENT, startTime: startedAtMs, attributes: recorders.spanAttributes },
              active,
            )
            endQuerySpan(span, errorType, endedAtMs)
          }
        } catch (failure) {
          instruments.fault(failure)
        }
      }
    },
  }
}

function endQuerySpan(span: Span, errorType: string | undefined, endedAtMs: number): void {
  if (errorType !== undefined) {
    span.setAttribute(ATTR_ERROR_TYPE, errorType)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end(endedAtMs)
}

/** Both names of one statement's time, by page and error. */
class StatementRecorders {
  readonly #instruments: Instruments
  readonly #attributes: Record<string, string>
  readonly #succeeded = new Map<string, Recorder>()
  readonly #failed = new Map<string, Recorder>()
  /** Parameterised text is for spans only: as a tag it would be unreadable and unbounded. */
  readonly spanAttributes: Record<string, string>

  constructor(instruments: Instruments, { sql, operation, collection, summary }: StatementDescription) {
    this.#instruments = instruments
    this.#attributes = {
      [ATTR_DB_SYSTEM_NAME]: DB_SYSTEM_NAME_VALUE_SQLITE,
      [ATTR_DB_OPERATION_NAME]: operation,
      ...(collection !== undefined && { [ATTR_DB_COLLECTION_NAME]: collection }),
      [ATTR_DB_QUERY_SUMMARY]: summary,
    }
    this.spanAttributes = { ...this.#attributes, [ATTR_DB_QUERY_TEXT]: sql }
  }

  of(page: string, errorType: string | undefined): Recorder {
    const bound = errorType === undefined ? this.#succeeded : this.#failed
    const key = errorType === undefined ? page : `${page} ${errorType}`
    let recorder = bound.get(key)
    if (!recorder) {
      recorder = this.#bind(page, errorType)
      bound.set(key, recorder)
    }
    return recorder
  }

  #bind(page: string, errorType: string | undefined): Recorder {
    return this.#instruments.both(
      this.#instruments.histogram(METRICS.queryTime, { page }),
      this.#instruments.histogram(METRICS.operationDuration, {
        ...this.#attributes,
        ...(errorType !== undefined && { [ATTR_ERROR_TYPE]: errorType }),
        page,
      }),
    )
  }
}

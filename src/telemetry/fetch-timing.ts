import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
} from '@opentelemetry/semantic-conventions'
import { CLIENT_STATUSES } from './attribute-values.ts'
import { METRICS } from './catalogue.ts'
import type { Instruments, Recorder } from './instruments.ts'
import type { Page } from './pages.ts'

interface EndedRequest {
  seconds: number
  status?: number | undefined
  /** Of a closed set. */
  error?: string | undefined
}

/** Observes the requests that a page sends to other hosts; handed to its client. */
export function fetchTiming(instruments: Instruments, page: Page) {
  const recorders = new Map<string, Recorder>()
  return ({ seconds, status, error }: EndedRequest): void => {
    const code = status === undefined ? undefined : clientStatus(status)
    const key = `${code} ${error}`
    let recorder = recorders.get(key)
    if (recorder === undefined) {
      const errorType = error ?? (code !== undefined && code >= 400 ? String(code) : undefined)
      recorder = instruments.histogram(METRICS.clientRequestDuration, {
        [ATTR_HTTP_REQUEST_METHOD]: 'GET',
        ...(code !== undefined && { [ATTR_HTTP_RESPONSE_STATUS_CODE]: code }),
        ...(errorType !== undefined && { [ATTR_ERROR_TYPE]: errorType }),
        page,
      })
      recorders.set(key, recorder)
    }
    recorder.record(seconds)
  }
}

const known: ReadonlySet<number> = new Set(CLIENT_STATUSES)

/** A status that is not known is read as the first of its class, and none of a class as 500 (RFC 9110 §15). */
function clientStatus(status: number): number {
  if (known.has(status)) return status
  return status >= 200 && status < 600 ? Math.floor(status / 100) * 100 : 500
}

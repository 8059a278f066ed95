import { STATUS_CODES } from 'node:http'

interface ResponseDocs {
  description: string
  content?: Record<string, { schema?: { properties?: Record<string, unknown> } }>
  headers?: Record<string, object>
}
interface OperationDocs {
  operationId?: string
  responses: Record<string, ResponseDocs>
}
type Paths = Record<string, Record<string, OperationDocs>>

const text = (description: string) => ({ description, schema: { type: 'string' } })

/** Header fields that a refusal of this status carries. */
const REFUSAL_HEADERS: Record<string, Record<string, object>> = {
  401: { 'WWW-Authenticate': text('How to authenticate (RFC 9110 §11.6.1)') },
  429: { 'Retry-After': text('Seconds to wait') },
  503: { 'Retry-After': text('Seconds to wait') },
}

/** Header fields that an operation's success carries. */
const SUCCESS_HEADERS: Record<string, Record<string, object>> = {
  signUp: { Location: text('Path of the new member') },
  createPoll: { Location: text('Path of the new poll') },
  getPlaylist: { ETag: text('The version, for `If-Match`') },
  putPlaylist: { ETag: text('The new version') },
  logInWithCookie: { 'Set-Cookie': text('`__Host-sid`: the session') },
}

/**
 * Adds the parts of each response outside its schema: its header fields, and its status in words instead of the
 * framework's placeholder.
 */
export function describeResponses(paths: Paths): void {
  for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods)))
    for (const [status, response] of Object.entries(operation.responses)) {
      const isSuccess = status.startsWith('2')
      if (isSuccess) response.description = STATUS_CODES[status] ?? response.description
      const headers = {
        ...(isSuccess ? SUCCESS_HEADERS[operation.operationId ?? ''] : REFUSAL_HEADERS[status]),
        ...(isSuccess && isPage(response) && { Link: text('`rel="next"`: the next page (RFC 8288)') }),
      }
      if (Object.keys(headers).length > 0) response.headers = headers
    }
}

function isPage(response: ResponseDocs): boolean {
  return Object.values(response.content ?? {}).some(({ schema }) => schema?.properties?.page !== undefined)
}

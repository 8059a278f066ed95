import type { ServerResponse } from 'node:http'

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  // Scripts from these files show received data as text. Nothing else may run, load or be framed.
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
}

export function reply(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { ...HEADERS, 'cache-control': 'no-store', 'content-type': contentType, ...headers })
    .end(body)
}

export function replyJson(
  response: ServerResponse,
  json: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  reply(response, status, 'application/json; charset=utf-8', JSON.stringify(json), headers)
}

export function notModified(response: ServerResponse, etag: string): void {
  response.writeHead(304, { ...HEADERS, 'cache-control': 'no-cache', etag }).end()
}

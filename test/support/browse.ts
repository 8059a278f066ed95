import type { FastifyInstance, LightMyRequestResponse } from 'fastify'

interface Shown {
  status: number
  /** Path of the page that is shown at the end. */
  path: string
  body: string
}

/** A browser without scripts, as far as the service sees it: it sends forms, keeps cookies and follows redirects. */
export function browse(app: Pick<FastifyInstance, 'inject'>) {
  const cookies = new Map<string, string>()

  async function send(
    method: 'GET' | 'POST',
    url: string,
    fields?: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<LightMyRequestResponse> {
    const reply = await app.inject({
      method,
      url,
      headers: {
        accept: 'text/html',
        'sec-fetch-site': 'same-origin',
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(method === 'POST' && { payload: new URLSearchParams(fields).toString() }),
    })
    for (const { name, value } of reply.cookies) {
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return reply
  }

  async function show(method: 'GET' | 'POST', url: string, fields?: Record<string, string>): Promise<Shown> {
    const reply = await send(method, url, fields)
    if (reply.statusCode === 303) return show('GET', String(reply.headers.location))
    return { status: reply.statusCode, path: url, body: reply.body }
  }

  return {
    /** One request, without its redirect. */
    send,
    get: (url: string) => show('GET', url),
    post: (url: string, fields: Record<string, string> = {}) => show('POST', url, fields),
  }
}

import { test } from 'tap'
import { openApp } from '../support/harness.ts'

interface Operation {
  operationId?: string
  summary?: string
  tags?: string[]
  security?: object[]
  requestBody?: object
  responses: Record<string, { content?: Record<string, unknown> }>
}

/** What anybody may ask for. */
const OPEN = new Set([
  'getHome',
  'getProblemType',
  'getHealth',
  'getReadiness',
  'signUp',
  'logIn',
  'logInWithCookie',
])

test('the OpenAPI document names every operation once, who may call it, and how it refuses', async (t) => {
  const { app, ask } = await openApp(t)
  const document = (await ask({ url: '/openapi.json' })).json()
  t.equal(document.openapi, '3.1.0')
  const operations: Operation[] = Object.values(
    document.paths as Record<string, Record<string, Operation>>,
  ).flatMap((methods) => Object.values(methods))
  const ids = operations.map(({ operationId }) => operationId as string)
  t.equal(new Set(ids).size, ids.length)
  for (const { operationId, summary, tags, security, requestBody, responses } of operations) {
    t.ok(operationId && summary && tags?.length, `${operationId} is described`)
    const open = OPEN.has(operationId as string)
    t.strictSame(
      security,
      open ? undefined : [{ bearer: [] }, { cookie: [] }],
      `${operationId}: who may call it`,
    )
    t.equal('401' in responses, !open || /^logIn/.test(operationId as string), `${operationId}: 401`)
    if (requestBody)
      t.ok('400' in responses && '413' in responses && '415' in responses && '422' in responses)
    for (const [status, { content }] of Object.entries(responses))
      if (Number(status) >= 400)
        t.strictSame(Object.keys(content ?? {}), ['application/problem+json'], `${operationId} ${status}`)
  }
  const signUp = document.paths['/v1/users'].post.responses['201']
  t.match(signUp, { description: 'Created', headers: { Location: { schema: { type: 'string' } } } })
  t.ok(document.paths['/v1/community'].get.responses['200'].headers.Link)
  t.notOk(JSON.stringify(document).includes('Default Response'))
  const tags = new Set(document.tags.map(({ name }: { name: string }) => name))
  t.ok(operations.every((operation) => operation.tags?.every((tag) => tags.has(tag))))
  const paths = new Set(operations.length > 0 ? Object.keys(document.paths) : [])
  for (const { url, method } of app.routeShapes())
    if (url.startsWith('/v1/') && method !== 'HEAD')
      t.ok(paths.has(url.replaceAll(/:(\w+)/g, '{$1}')), `${method} ${url} is documented`)
})

test('nothing that is answered may be stored by a cache, and no page may load anything', async (t) => {
  const { ask } = await openApp(t)
  for (const url of ['/', '/v1/me', '/nope', '/v1/users/%zz']) {
    const { headers } = await ask({ url })
    t.equal(headers['cache-control'], 'no-store', url)
  }
  const { headers } = await ask({ url: '/' })
  t.match(headers['content-security-policy'], /^default-src 'none'/)
  t.equal(headers['x-content-type-options'], 'nosniff')
})

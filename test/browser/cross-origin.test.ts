import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { PASSWORD } from '../support/harness.ts'
import { startService } from '../support/service.ts'
import { noBrowser, openBrowser } from './browser.ts'

/** The page as it stands in the README, which asks the service at its usual address. */
function pageFor(service: string): string {
  const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8')
  const page = /<!-- page: .*? -->\n```html\n(.*?)```/s.exec(readme)?.[1] as string
  return page.replace('http://127.0.0.1:3000', service)
}

/** A site of its own, whose every path is this page. */
async function serve(t: Test, page: () => string): Promise<string> {
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page()),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test("the README's page lists the community from another origin, and only from a listed one", {
  skip: noBrowser,
}, async (t) => {
  let html = ''
  const listed = await serve(t, () => html)
  const unlisted = await serve(t, () => html)
  const { url } = await startService(t, { env: { CORS_ORIGINS: listed } })
  html = pageFor(url)

  const post = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json()
  }
  const account = { email: 'ada@example.com', password: PASSWORD }
  await post('/v1/users', { name: 'Ada <b>Lovelace</b>', ...account })
  const { token } = (await post('/v1/sessions', account)) as { token: string }

  const browser = await openBrowser(t)
  async function open(origin: string) {
    const page = await (await browser.newContext()).newPage()
    page.on('dialog', (dialog) => void dialog.accept(token))
    await page.goto(origin)
    return page
  }

  const page = await open(listed)
  await page.locator('li').waitFor()
  t.strictSame(await page.locator('li').allTextContents(), ['Ada <b>Lovelace</b>'])

  /** What a script of the page sees of a request; undefined if the browser keeps the answer from it. */
  const ask = (from: typeof page, path: string, options: object = {}) =>
    from.evaluate(
      async ([address, init]) => {
        try {
          const reply = await fetch(address, init)
          const { status, headers } = reply
          return {
            status,
            challenge: headers.get('www-authenticate'),
            ...((await reply.json()) as object),
          }
        } catch {
          return undefined
        }
      },
      [url + path, options] as const,
    )
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  t.match(await ask(page, '/v1/me', { method: 'PATCH', headers, body: '{"name":"Ada"}' }), {
    status: 200,
    name: 'Ada',
  })
  t.match(await ask(page, '/v1/me'), { status: 401, challenge: /^Bearer/, type: '/problems/unauthenticated' })
  t.match(await ask(page, '/v1/nothing'), { status: 404 })
  t.equal(await ask(page, '/v1/me', { credentials: 'include' }), undefined, 'never with credentials')
  t.equal(await ask(page, '/v1/me', { method: 'PUT', headers }), undefined, 'a method that the path lacks')
  t.equal(await ask(page, '/app'), undefined, 'the API alone')

  const stranger = await open(unlisted)
  for (const request of [{ headers }, {}, { method: 'PATCH', headers, body: '{"name":"Eve"}' }])
    t.equal(await ask(stranger, '/v1/me', request), undefined)
  t.equal(await stranger.locator('li').count(), 0)
  t.match(await ask(page, '/v1/me', { headers }), { name: 'Ada' })
})

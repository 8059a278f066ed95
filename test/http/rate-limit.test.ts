import { test } from 'tap'
import { openApp } from '../support/harness.ts'

test('with a limit for everything, what matches nothing counts too, and health does not', async (t) => {
  const { ask } = await openApp(t, { config: { rateLimitPerMinute: 3 } })
  const statuses = async (url: string, times: number) => {
    const found = []
    for (let i = 0; i < times; i++) found.push((await ask({ url })).statusCode)
    return found
  }
  t.strictSame(await statuses('/', 2), [200, 200])
  t.strictSame(await statuses('/nope', 2), [404, 429])
  t.strictSame(await statuses('/', 1), [429])
  t.strictSame(await statuses('/healthz', 5), [200, 200, 200, 200, 200])
})

test('requests without a session count like all others', async (t) => {
  const { app, ask } = await openApp(t, { config: { rateLimitPerMinute: 3 } })
  for (const status of [401, 401, 401, 429]) t.equal((await ask({ url: '/v1/me' })).statusCode, status)
  const page = await app.inject('/app/community')
  t.equal(page.statusCode, 429)
  t.match(page.body, '<p>Try again in 1 minute.</p>')
})

test('without one, nobody is limited', async (t) => {
  const { ask } = await openApp(t)
  for (let i = 0; i < 50; i++) t.equal((await ask({ url: '/' })).statusCode, 200)
})

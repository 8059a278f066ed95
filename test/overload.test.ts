import { test } from 'tap'
import { startService } from './support/service.ts'

test('an overloaded service refuses with 503 and Retry-After, and is still alive', async (t) => {
  const service = await startService(t, { env: { EVENT_LOOP_DELAY_MAX_MS: '1' } })
  const since = performance.now()
  // The largest reply without a session: twenty at once keep the event loop for longer than a millisecond on any machine.
  let refused: Response | undefined
  const insist = async () => {
    while (refused === undefined) {
      const reply = await fetch(`${service.url}/openapi.json`)
      if (reply.status === 200) await reply.arrayBuffer()
      else refused = reply
    }
  }
  await Promise.all(Array.from({ length: 20 }, insist))
  const reply = refused as unknown as Response
  t.ok(performance.now() - since > 1000, 'the start itself, which blocks the loop, is no overload')
  t.equal(reply.status, 503)
  t.equal(reply.headers.get('content-type'), 'application/problem+json')
  t.match(reply.headers.get('retry-after'), /^\d+$/)
  t.match(await reply.json(), { type: '/problems/overloaded', traceId: /^[0-9a-f]{32}$/ })
  t.equal((await fetch(`${service.url}/healthz`)).status, 200)
})

test('a handler that takes too long is answered with 503', async (t) => {
  // Hashing a password takes some ten milliseconds at least.
  const service = await startService(t, { env: { HANDLER_TIMEOUT_MS: '100', PASSWORD_HASHES_AT_ONCE: '1' } })
  const signUp = (n: number) =>
    fetch(`${service.url}/v1/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'Ada',
        email: `ada${n}@example.com`,
        password: 'correct horse battery staple',
      }),
    })
  const replies = await Promise.all(Array.from({ length: 24 }, (_, n) => signUp(n)))
  const statuses = new Set(replies.map(({ status }) => status))
  t.ok(statuses.has(503))
  t.ok(
    [...statuses].every((status) => status === 201 || status === 503),
    [...statuses].join(),
  )
  const refused = await replies.find(({ status }) => status === 503)?.json()
  t.match(refused, { type: '/problems/handler-timeout', status: 503 })
})

import { test } from 'tap'
import { openApp, PASSWORD, signUp } from '../support/harness.ts'

const DAY_MS = 86_400_000

test('logging in gives a token that is nowhere in the database', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  t.match(ada.token, /^[A-Za-z0-9_-]{43}$/)
  const rows = await opened.db.selectFrom('sessions').selectAll().where('user_id', '=', ada.id).execute()
  t.equal(rows.length, 1)
  t.equal(rows[0]?.token_hash.length, 32)
  t.notOk(JSON.stringify(rows).includes(ada.token))
})

test('a wrong password and an unknown address are answered alike', async (t) => {
  const opened = await openApp(t)
  await signUp(opened, 'Ada')
  const attempts = ['ada@example.com', 'nobody@example.com', 'no address at all', '']
  const bodies = []
  for (const email of attempts) {
    const reply = await opened.ask({
      method: 'POST',
      url: '/v1/sessions',
      payload: { email, password: 'wrong' },
    })
    t.equal(reply.statusCode, 401)
    t.equal(reply.headers['www-authenticate'], 'Bearer realm="rollcall"')
    const { traceId, ...body } = reply.json()
    bodies.push(body)
  }
  for (const body of bodies) t.strictSame(body, bodies[0])
})

test('without a valid token nothing behind a session is shown', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const refused = [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    `Basic ${ada.token}`,
    `Bearer ${ada.token}x`,
    `Bearer ${ada.token.slice(1)}`,
    `Bearer ${ada.token} ${ada.token}`,
    'Bearer ../../etc/passwd',
    `Bearer ${'A'.repeat(43)}`,
  ]
  for (const authorization of refused) {
    const reply = await opened.ask({
      url: '/v1/me',
      headers: authorization === undefined ? {} : { authorization },
    })
    t.equal(reply.statusCode, 401, String(authorization))
    t.match(reply.headers['www-authenticate'], /^Bearer realm="rollcall"/)
  }
  t.equal(
    (await opened.ask({ url: '/v1/me', headers: { authorization: `bearer ${ada.token}` } })).statusCode,
    200,
  )
})

test('sessions are listed, ended one by one, and ended all at once', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const eve = await signUp(opened, 'Eve')
  const logIn = async () => {
    const payload = { email: ada.email, password: PASSWORD }
    return (await opened.ask({ method: 'POST', url: '/v1/sessions', payload })).json().token as string
  }
  const [second, third] = [await logIn(), await logIn()]
  const asking = (token: string) =>
    opened.ask({ url: '/v1/me', headers: { authorization: `Bearer ${token}` } })

  const list = (await ada.ask('GET', '/v1/sessions')).json()
  t.strictSame(
    list.data.map((session: { current: boolean }) => session.current),
    [true, false, false],
  )
  const first = (await ada.ask('GET', '/v1/sessions?limit=2')).json()
  const rest = (await ada.ask('GET', `/v1/sessions?limit=2&cursor=${first.page.nextCursor}`)).json()
  t.strictSame([...first.data, ...rest.data], list.data)

  const ids = list.data.map((session: { id: number }) => session.id)
  t.equal((await eve.ask('DELETE', `/v1/sessions/${ids[1]}`)).statusCode, 404, 'not somebody else’s')
  t.equal((await ada.ask('DELETE', `/v1/sessions/${ids[1]}`)).statusCode, 204)
  t.equal((await ada.ask('DELETE', `/v1/sessions/${ids[1]}`)).statusCode, 404)
  t.equal((await asking(second)).statusCode, 401)
  t.equal((await asking(third)).statusCode, 200)
  t.equal((await ada.ask('DELETE', '/v1/sessions/current')).statusCode, 204)
  t.equal((await asking(ada.token)).statusCode, 401)
  const everywhere = {
    method: 'DELETE',
    url: '/v1/sessions',
    headers: { authorization: `Bearer ${third}` },
  } as const
  t.equal((await opened.ask(everywhere)).statusCode, 204)
  t.equal((await asking(third)).statusCode, 401)
  t.equal((await asking(eve.token)).statusCode, 200)
})

test('a session ends when it is not used, and at the end of its life though it is used', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const age = async (ms: number) => {
    const row = await opened.db
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', ada.id)
      .executeTakeFirstOrThrow()
    await opened.db
      .updateTable('sessions')
      .set({
        created_at: row.created_at - ms,
        last_used_at: row.last_used_at - ms,
        expires_at: row.expires_at - ms,
      })
      .where('id', '=', row.id)
      .execute()
  }
  const used = async () => (await ada.ask('GET', '/v1/me')).statusCode
  for (let day = 0; day < 24; day += 6) {
    t.equal(await used(), 200, `day ${day}`)
    await age(6 * DAY_MS)
  }
  t.equal(await used(), 200, 'day 24')
  await age(5.9 * DAY_MS)
  t.equal(await used(), 200, 'almost 30 days')
  await age(0.2 * DAY_MS)
  t.equal(await used(), 401, 'past 30 days')

  const again = await signUp(opened, 'Idle')
  const move = 7 * DAY_MS + 1
  await opened.db
    .updateTable('sessions')
    .set((row) => ({
      last_used_at: row('last_used_at', '-', move),
      expires_at: row('expires_at', '-', move),
    }))
    .where('user_id', '=', again.id)
    .execute()
  t.equal((await again.ask('GET', '/v1/me')).statusCode, 401, '7 days idle')
})

test('a cookie session: the token is in the cookie only, and changes come from the own site only', async (t) => {
  const opened = await openApp(t, { config: { publicOrigin: 'https://rollcall.example' } })
  const ada = await signUp(opened, 'Ada')
  const payload = { email: ada.email, password: PASSWORD }
  const own = { 'sec-fetch-site': 'same-origin' }
  const logIn = (headers: Record<string, string>) =>
    opened.ask({ method: 'POST', url: '/v1/sessions/cookie', payload, headers })

  t.equal((await logIn({ 'sec-fetch-site': 'cross-site' })).statusCode, 403)
  t.equal((await logIn({})).statusCode, 403)
  const reply = await logIn(own)
  t.equal(reply.statusCode, 201)
  const [cookie] = reply.cookies as Array<{ name: string; value: string }>
  t.match(cookie, { name: '__Host-sid', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' })
  t.notOk(reply.body.includes(cookie?.value as string))
  const lifeDays =
    (new Date((cookie as unknown as { expires: Date }).expires).getTime() - Date.now()) / DAY_MS
  t.ok(lifeDays > 29.9 && lifeDays <= 30, 'the cookie lives as long as the session can')

  const cookies = { '__Host-sid': cookie?.value as string }
  const change = (headers: Record<string, string>) =>
    opened.ask({ method: 'PATCH', url: '/v1/me', payload: { name: 'Ada L' }, headers, cookies })
  t.equal((await opened.ask({ url: '/v1/me', cookies })).statusCode, 200)
  t.equal((await change({ 'sec-fetch-site': 'same-site' })).statusCode, 403)
  t.equal((await change({ 'sec-fetch-site': 'none' })).statusCode, 403)
  t.equal((await change({ origin: 'https://evil.example' })).statusCode, 403)
  t.equal((await change({ origin: 'https://rollcall.example' })).statusCode, 200)
  t.equal((await change(own)).statusCode, 200)
  const asBearer = await opened.ask({ url: '/v1/me', headers: { authorization: `Bearer ${cookie?.value}` } })
  t.equal(asBearer.statusCode, 401, 'a cookie’s token is no bearer token')
  t.equal((await opened.ask({ url: '/v1/me', cookies: { '__Host-sid': ada.token } })).statusCode, 401)

  const newPassword = 'staple battery horse correct'
  const changed = await opened.ask({
    method: 'PUT',
    url: '/v1/me/password',
    headers: own,
    cookies,
    payload: { currentPassword: PASSWORD, newPassword },
  })
  t.equal(changed.statusCode, 200)
  t.notOk('token' in changed.json())
  const fresh = { '__Host-sid': (changed.cookies as Array<{ value: string }>)[0]?.value as string }
  t.equal((await opened.ask({ url: '/v1/me', cookies })).statusCode, 401)
  const out = await opened.ask({
    method: 'DELETE',
    url: '/v1/sessions/current',
    headers: own,
    cookies: fresh,
  })
  t.equal(out.statusCode, 204)
  t.match(out.headers['set-cookie'], /^__Host-sid=;.*Expires=Thu, 01 Jan 1970/)
  t.equal((await opened.ask({ url: '/v1/me', cookies: fresh })).statusCode, 401)
})

test('attempts at one account are limited, and the account is not locked for others', async (t) => {
  const opened = await openApp(t, { config: { accountLimitPerMinute: 3, trustProxy: '127.0.0.1' } })
  const ada = await signUp(opened, 'Ada')
  const attempt = (email: string, password: string, address: string) =>
    opened.ask({
      method: 'POST',
      url: '/v1/sessions',
      payload: { email, password },
      headers: { 'x-forwarded-for': address },
    })
  const statuses = []
  for (let i = 0; i < 5; i++)
    statuses.push((await attempt('ADA@example.com', 'wrong', '192.0.2.1')).statusCode)
  t.strictSame(statuses, [401, 401, 401, 429, 429])
  t.equal((await attempt(ada.email, PASSWORD, '192.0.2.2')).statusCode, 201, 'from another address')
  t.equal((await attempt('eve@example.com', 'wrong', '192.0.2.1')).statusCode, 401, 'another account')
})

test('addresses of one IPv6 network are one address to the limits, and all ways to try a password share theirs', async (t) => {
  const opened = await openApp(t, {
    config: { accountLimitPerMinute: 3, loginLimitPerMinute: 6, trustProxy: '127.0.0.1' },
  })
  const attempt = async (url: string, email: string, address: string) => {
    const headers = { 'x-forwarded-for': address, 'sec-fetch-site': 'same-origin' }
    return (await opened.ask({ method: 'POST', url, payload: { email, password: 'wrong' }, headers }))
      .statusCode
  }
  const statuses = []
  for (const address of ['2001:db8::1', '2001:DB8:0:0:9::2', '2001:db8::ffff', '2001:0db8::4'])
    statuses.push(await attempt('/v1/sessions', 'ada@example.com', address))
  t.strictSame(statuses, [401, 401, 401, 429])
  t.equal(await attempt('/v1/sessions', 'ada@example.com', '2001:db8:0:1::1'), 401, 'the next network')
  t.equal(
    await attempt('/v1/sessions/cookie', 'eve@example.com', '2001:db8::1'),
    401,
    'the fifth of the network',
  )
  t.equal(await attempt('/v1/sessions', 'eve@example.com', '2001:db8::1'), 401, 'the sixth')
  t.equal(await attempt('/v1/sessions/cookie', 'bob@example.com', '2001:db8::1'), 429, 'the seventh')
})

test('a scheme that is not ours leaves the cookie in charge', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const headers = { 'sec-fetch-site': 'same-origin' }
  const payload = { email: ada.email, password: PASSWORD }
  const [cookie] = (await opened.ask({ method: 'POST', url: '/v1/sessions/cookie', payload, headers }))
    .cookies as Array<{ value: string }>
  const cookies = { '__Host-sid': cookie?.value as string }
  const asked = (authorization: string) => opened.ask({ url: '/v1/me', cookies, headers: { authorization } })
  t.equal((await asked('Basic Zm9vOmJhcg==')).statusCode, 200)
  t.equal((await asked('Bearer wrong')).statusCode, 401, 'a wrong token does not fall back')
})

import Sqlite from 'better-sqlite3'
import { test } from 'tap'
import { deleteAccount } from '../../src/account/account-store.ts'
import { Owner } from '../../src/users/user-view.ts'
import { openPolls } from '../polls/open-polls.ts'
import { openApp, PASSWORD, signUp } from '../support/harness.ts'

test('signing up answers with the account and where it is', async (t) => {
  const { ask } = await openApp(t)
  const reply = await ask({
    method: 'POST',
    url: '/v1/users',
    payload: { name: 'Ada Lovelace', email: 'Ada@Example.com', password: PASSWORD },
  })
  t.equal(reply.statusCode, 201)
  const { joinedAt } = reply.json()
  t.match(reply.json(), { id: 1, name: 'Ada Lovelace', email: 'Ada@Example.com' })
  t.strictSame(Object.keys(reply.json()), Object.keys(Owner.properties))
  t.equal(new Date(joinedAt).toISOString(), joinedAt)
  t.equal(reply.headers.location, '/v1/users/1')
})

test('an address signs up once, whatever its letter case and Unicode form, also when asked at once', async (t) => {
  const { ask, db } = await openApp(t)
  const emails = ['josé@example.com', 'JOSÉ@example.com', 'jose\u0301@example.com', 'josé@EXAMPLE.com']
  const replies = await Promise.all(
    emails.map((email) =>
      ask({ method: 'POST', url: '/v1/users', payload: { name: 'José', email, password: PASSWORD } }),
    ),
  )
  t.strictSame(replies.map((reply) => reply.statusCode).sort(), [201, 409, 409, 409])
  const refused = replies.find((reply) => reply.statusCode === 409)?.json()
  t.match(refused, { type: '/problems/email-taken', errors: [{ pointer: '#/email' }] })
  t.equal((await db.selectFrom('users').select('id').where('id', '<', 100).execute()).length, 1)
  t.equal((await db.selectFrom('passwords').select('user_id').where('user_id', '<', 100).execute()).length, 1)
})

test('every field that breaks a rule is named, and nothing is written', async (t) => {
  const { ask, db } = await openApp(t)
  const reply = await ask({
    method: 'POST',
    url: '/v1/users',
    payload: { name: ' ', email: 'nobody', password: 'too short' },
  })
  t.equal(reply.statusCode, 422)
  t.strictSame(
    reply.json().errors.map((error: { pointer: string }) => error.pointer),
    ['#/name', '#/email', '#/password'],
  )
  t.strictSame(await db.selectFrom('table_rows').select('rows').where('name', '=', 'users').execute(), [
    { rows: 0 },
  ])
})

test('a member sees and changes their own account', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const grace = await signUp(opened, 'Grace')
  t.match((await ada.ask('GET', '/v1/me')).json(), { id: ada.id, name: 'Ada', email: 'ada@example.com' })
  t.match((await ada.ask('PATCH', '/v1/me', { name: 'Ada L' })).json(), {
    name: 'Ada L',
    email: 'ada@example.com',
  })

  const taken = { email: 'GRACE@example.com', currentPassword: PASSWORD }
  t.equal(
    (await ada.ask('PATCH', '/v1/me', { email: 'ada@new.example.com' })).statusCode,
    422,
    'password is missing',
  )
  t.equal((await ada.ask('PATCH', '/v1/me', { ...taken, currentPassword: 'wrong' })).statusCode, 403)
  t.equal((await ada.ask('PATCH', '/v1/me', taken)).statusCode, 409)
  const own = await ada.ask('PATCH', '/v1/me', { email: 'ADA@example.com', currentPassword: PASSWORD })
  t.match(own.json(), { email: 'ADA@example.com' }, 'an own address may change its letter case')
  t.equal((await ada.ask('PATCH', '/v1/me', {})).statusCode, 422)
  t.equal((await ada.ask('PATCH', '/v1/me', { currentPassword: PASSWORD })).statusCode, 422)
  t.match((await grace.ask('GET', '/v1/me')).json(), { email: 'grace@example.com' })
})

test('a new password ends every session, answers with a new one, and is the only one that logs in', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const newPassword = 'staple battery horse correct'
  const wrong = await ada.ask('PUT', '/v1/me/password', { currentPassword: 'not the password', newPassword })
  t.equal(wrong.statusCode, 403)
  const weak = await ada.ask('PUT', '/v1/me/password', {
    currentPassword: PASSWORD,
    newPassword: 'aaaaaaaaaaaaaaaa',
  })
  t.match(weak.json(), { status: 422, errors: [{ pointer: '#/newPassword' }] })

  const changed = await ada.ask('PUT', '/v1/me/password', { currentPassword: PASSWORD, newPassword })
  t.equal(changed.statusCode, 200)
  t.equal((await ada.ask('GET', '/v1/me')).statusCode, 401, 'the old session is over')
  const headers = { authorization: `Bearer ${changed.json().token}` }
  t.equal((await opened.ask({ url: '/v1/me', headers })).statusCode, 200)
  const logIn = (password: string) =>
    opened.ask({ method: 'POST', url: '/v1/sessions', payload: { email: ada.email, password } })
  t.equal((await logIn(PASSWORD)).statusCode, 401)
  t.equal((await logIn(newPassword)).statusCode, 201)
})

test('a deleted account is gone with all that belonged to it, and its id is not given again', async (t) => {
  const opened = await openPolls(t)
  const { grace, root, create, vote } = opened
  const poll = await create()
  const ada = await signUp(opened, 'Ada Lovelace')
  t.equal((await vote(ada, poll)).statusCode, 201)
  const url = 'https://media.example/a.mp4'
  await ada.ask('POST', '/v1/me/videos', { title: 'A', url })
  await ada.ask('PUT', '/v1/me/location', { latitude: 1, longitude: 2, shared: true })
  await ada.ask('PUT', '/v1/me/feeds', { urls: ['https://feeds.example/'] })
  await opened.db.insertInto('playlists').values({ user_id: ada.id, version: 1, entries: '[]' }).execute()
  const alan = await signUp(opened, 'Alan')
  for (const { id } of [grace, alan]) await ada.ask('PUT', `/v1/me/friends/${id}`)
  await ada.ask('PUT', `/v1/me/blocks/${root.id}`)
  await root.ask('PUT', `/v1/me/blocks/${ada.id}`)
  const own = rowsOf(opened.file, ada.id)
  t.strictSame(
    [...own].filter(([, rows]) => rows === 0),
    [],
    'there is something of theirs in each table',
  )

  t.equal((await ada.ask('DELETE', '/v1/me', { currentPassword: PASSWORD })).statusCode, 204)
  t.equal((await ada.ask('GET', '/v1/me')).statusCode, 401)
  t.strictSame(
    [...rowsOf(opened.file, ada.id)].filter(([, rows]) => rows > 0),
    [],
  )
  t.equal((await signUp(opened, 'Ada Lovelace')).id, alan.id + 1)
})

/** Rows that refer to the account, by table and column: of every foreign key that the database has. */
function rowsOf(file: string, userId: number): Map<string, number> {
  const raw = new Sqlite(file, { readonly: true })
  try {
    const keys = raw
      .prepare<[], { table: string; column: string }>(
        `select t.name as "table", f."from" as "column" from sqlite_schema t, pragma_foreign_key_list(t.name) f
         where t.type = 'table' and f."table" = 'users'`,
      )
      .all()
    return new Map(
      keys.map(({ table, column }) => {
        const count = raw.prepare(`select count(*) from ${table} where ${column} = ?`).pluck().get(userId)
        return [`${table}.${column}`, count as number]
      }),
    )
  } finally {
    raw.close()
  }
}

test('an account is deleted with its password only', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const missing = await ada.ask('DELETE', '/v1/me', {})
  t.match(missing.json(), { status: 422, errors: [{ pointer: '#/currentPassword' }] })
  t.match((await ada.ask('DELETE', '/v1/me')).json(), { status: 422, errors: [{ pointer: '#' }] }, 'no body')
  const wrong = await ada.ask('DELETE', '/v1/me', { currentPassword: 'not the password' })
  t.match(wrong.json(), { type: '/problems/wrong-password', errors: [{ pointer: '#/currentPassword' }] })
  t.equal((await ada.ask('GET', '/v1/me')).statusCode, 200, 'it is still there')
  t.equal((await ada.ask('DELETE', '/v1/me', { currentPassword: PASSWORD })).statusCode, 204)
})

test('an account is not deleted for a session that has ended meanwhile', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const deleting = ada.ask('DELETE', '/v1/me', { currentPassword: PASSWORD })
  t.equal((await ada.ask('DELETE', '/v1/sessions')).statusCode, 204)
  t.equal((await deleting).statusCode, 401)
  const logIn = {
    method: 'POST',
    url: '/v1/sessions',
    payload: { email: ada.email, password: PASSWORD },
  } as const
  t.equal((await opened.ask(logIn)).statusCode, 201, 'it is still there')
})

test('a weak new password is refused by sign-up and by a change, in a sentence that says what to take', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const expected = [{ pointer: '#/password', detail: /^must not be easily guessed: take four or more words/ }]
  for (const password of [
    'passwordpassword',
    'iloveyouiloveyou',
    'letmeinletmeinletmein',
    'password12345678',
    'eve@example.com!',
    'Eve Moneypenny 7',
  ]) {
    const payload = { name: 'Eve Moneypenny', email: 'eve@example.com', password }
    const reply = await opened.ask({ method: 'POST', url: '/v1/users', payload })
    t.match(reply.json(), { status: 422, errors: expected }, password)
  }
  const change = await ada.ask('PUT', '/v1/me/password', {
    currentPassword: PASSWORD,
    newPassword: 'ada@example.com!',
  })
  t.match(change.json(), {
    status: 422,
    errors: [{ pointer: '#/newPassword', detail: /take four or more words/ }],
  })
})

test('sign-ups from one address are limited', async (t) => {
  const { ask } = await openApp(t, { config: { signupLimitPerMinute: 2 } })
  const signUpBadly = () => ask({ method: 'POST', url: '/v1/users', payload: {} })
  t.strictSame([(await signUpBadly()).statusCode, (await signUpBadly()).statusCode], [422, 422])
  const refused = await signUpBadly()
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^\d+$/)
  t.equal(refused.json().type, '/problems/rate-limited')
})

test('an account that is deleted while its password is verified is not logged in to', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const logIn = opened.ask({
    method: 'POST',
    url: '/v1/sessions',
    payload: { email: ada.email, password: PASSWORD },
  })
  // A request later, the password is being verified.
  await ada.ask('GET', '/v1/me')
  await deleteAccount(opened.db, ada.id)
  t.equal((await logIn).statusCode, 401)
})

test('a password is changed once with the same old one, and not for a session that has ended meanwhile', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const change = (newPassword: string) =>
    ada.ask('PUT', '/v1/me/password', { currentPassword: PASSWORD, newPassword })
  const both = await Promise.all([
    change('staple battery horse correct'),
    change('another long enough password'),
  ])
  t.strictSame(both.map(({ statusCode }) => statusCode).sort(), [200, 401])

  const eve = await signUp(opened, 'Eve')
  const changing = eve.ask('PUT', '/v1/me/password', {
    currentPassword: PASSWORD,
    newPassword: 'staple battery horse',
  })
  t.equal((await eve.ask('DELETE', '/v1/sessions')).statusCode, 204)
  t.equal((await changing).statusCode, 401)
  const old = await opened.ask({
    method: 'POST',
    url: '/v1/sessions',
    payload: { email: eve.email, password: PASSWORD },
  })
  t.equal(old.statusCode, 201, 'nothing was changed')
})

test('a log-in with the old password does not outlive its change', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const logIns = Array.from({ length: 6 }, () =>
    opened.ask({ method: 'POST', url: '/v1/sessions', payload: { email: ada.email, password: PASSWORD } }),
  )
  const changed = ada.ask('PUT', '/v1/me/password', {
    currentPassword: PASSWORD,
    newPassword: 'staple battery horse',
  })
  const tokens = (await Promise.all(logIns)).flatMap((reply) =>
    reply.statusCode === 201 ? [reply.json().token] : [],
  )
  t.equal((await changed).statusCode, 200)
  for (const token of tokens)
    t.equal(
      (await opened.ask({ url: '/v1/me', headers: { authorization: `Bearer ${token}` } })).statusCode,
      401,
    )
  const rows = await opened.db.selectFrom('sessions').select('id').where('user_id', '=', ada.id).execute()
  t.equal(rows.length, 1, 'the new session alone')
})

import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import { test } from 'tap'
import { requireAdministrator } from '../../src/sessions/administrator.ts'
import { authentication } from '../../src/sessions/authenticate.ts'
import { SessionStore } from '../../src/sessions/session-store.ts'
import { newUser, openMigrated } from '../db/temporary-database.ts'

test('an administrator is one with the next request, and is one no longer with the next', async (t) => {
  const { db } = await openMigrated(t)
  const sessions = new SessionStore(db, { sessionMaxSeconds: 60, sessionIdleMaxSeconds: 60 })
  const { id } = await db.insertInto('users').values(newUser()).returning('id').executeTakeFirstOrThrow()
  const { token } = await db.transaction().execute((tx) => sessions.create(tx, id, 'bearer'))
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cookie)
  await app.register(authentication, { sessions, publicOrigin: '' })
  app.get('/', { onRequest: [app.requireSession, requireAdministrator] }, async () => 'welcome')
  const ask = async (headers: Record<string, string>) => (await app.inject({ url: '/', headers })).statusCode
  const make = (is_administrator: 0 | 1) =>
    db.updateTable('users').set({ is_administrator }).where('id', '=', id).execute()

  const headers = { authorization: `Bearer ${token}` }
  t.equal(await ask({}), 401)
  t.equal(await ask(headers), 403)
  await make(1)
  t.equal(await ask(headers), 200)
  await make(0)
  t.equal(await ask(headers), 403)
})

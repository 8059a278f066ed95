import t from 'tap'
import { holdWriteLock } from './db/lock-holder.ts'
import { openApp, PASSWORD } from './support/harness.ts'

t.test('a locked database is an error of the database, and a problem only in the reply', async (t) => {
  const { ask, file } = await openApp(t, { config: { databaseBusyTimeoutMs: 10 } })
  const payload = { name: 'Ada', email: 'ada@example.com', password: PASSWORD }
  const lock = await holdWriteLock(t, file)
  const refused = await ask({ method: 'POST', url: '/v1/users', payload })
  t.equal(refused.statusCode, 503)
  t.equal(refused.headers['retry-after'], '1')
  t.match(refused.json(), {
    type: '/problems/unavailable',
    detail: 'The database is locked by another process; try again in a moment.',
  })
  await lock.release()
  t.equal((await ask({ method: 'POST', url: '/v1/users', payload })).statusCode, 201)
})

import { join } from 'node:path'
import { test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { unobserved } from '../../src/db/observer.ts'
import { SessionStore } from '../../src/sessions/session-store.ts'
import { Client } from '../proof/client.ts'
import { temporaryFolder } from '../support/harness.ts'
import { addUsers, LEAVING } from '../support/members.ts'
import { startService } from '../support/service.ts'
import { compare, raceOfVotes, votesIn } from './race.ts'

const VOTERS = 50

test('on three processes', { timeout: 240_000 }, async (t) => {
  const file = join(temporaryFolder(t), 'rollcall.db')
  const url = `sqlite:${file}`
  const db = openDatabase({ url, busyTimeoutMs: 60_000, observer: unobserved })
  t.teardown(() => db.destroy())
  await migrateToLatest(db)
  const env = { DATABASE_URL: url, DATABASE_BUSY_TIMEOUT_MS: '60000', HANDLER_TIMEOUT_MS: '60000' }
  const service = await startService(t, { env, workers: 3 })
  const client = new Client(service.url, 30)
  t.teardown(() => client.close())

  const names = ['Root', ...Array.from({ length: VOTERS }, (_, index) => `Voter ${index}`)]
  const users = await addUsers(db, names)
  const sessions = new SessionStore(db, readConfig({}))
  const people = await db.transaction().execute((tx) =>
    Promise.all(
      users.map(async ({ id }) => {
        const { token } = await sessions.create(tx, id, 'bearer')
        const headers = { authorization: `Bearer ${token}` }
        return {
          id,
          ask: (method: string, path: string, body?: object) =>
            client.ask({ method, path, headers, ...(body && { body }) }),
        }
      }),
    ),
  )
  const [root, ...voters] = people as [(typeof people)[number], ...typeof people]
  await db.updateTable('users').set({ is_administrator: 1 }).where('id', '=', root.id).execute()
  const create = async () => {
    const choices = ['Tea', 'Coffee', 'Water', 'Juice', 'Milk']
    const { body } = await root.ask('POST', '/v1/admin/polls', { question: 'What to drink?', choices })
    const poll = JSON.parse(body)
    const results = async () => (await root.ask('GET', `/v1/polls/${poll.id}/results`)).body
    return { file, poll, results }
  }

  await t.test('500 votes and changes of 50 members at once end in the counts of a ledger', async (t) => {
    for (let round = 0; round < 3; round++) await raceOfVotes(t, { ...(await create()), voters })
  })

  await t.test('votes beside the closing of their poll are counted or refused', async (t) => {
    const { poll, results } = await create()
    const path = `/v1/polls/${poll.id}/vote`
    let refused = 0
    const accepted = new Map<number, Set<number>>(voters.map(({ id }) => [id, new Set()]))
    const votes = Array.from({ length: 10 }, (_, turn) =>
      voters.map(async (voter, index) => {
        const choiceId = poll.choices[(turn + index) % 5].id
        const { status } = await voter.ask('PUT', path, { choiceId })
        if (status === 409) refused++
        else accepted.get(voter.id)?.add(choiceId)
      }),
    ).flat()
    const closing = root.ask('PATCH', `/v1/admin/polls/${poll.id}`, { closesAt: '2020-01-01T00:00:00Z' })
    await Promise.all([...votes, closing])
    t.comment(`${refused} of ${votes.length} came after the close`)
    const kept = votesIn(file, poll)
    for (const [id, choices] of accepted) {
      const choice = kept.get(id)
      if (choice === undefined ? choices.size > 0 : !choices.has(choice)) t.fail(`voter ${id}: ${choice}`)
    }
    const times = await db.selectFrom('votes').select('voted_at').where('poll_id', '=', poll.id).execute()
    const { closes_at } = await db
      .selectFrom('polls')
      .select('closes_at')
      .where('id', '=', poll.id)
      .executeTakeFirstOrThrow()
    t.ok(times.every(({ voted_at }) => voted_at <= closes_at))
    await compare(t, kept, { file, poll, results })
  })

  await t.test('votes beside the deletion of accounts and of a poll leave no count behind', async (t) => {
    const [staying, going] = [await create(), await create()]
    const leaving = new Set(voters.slice(0, 20).map(({ id }) => id))
    const work = voters.flatMap((voter, index) => [
      ...[staying, going].flatMap(({ poll }) =>
        Array.from({ length: 3 }, (_, turn) =>
          voter.ask('PUT', `/v1/polls/${poll.id}/vote`, { choiceId: poll.choices[(index + turn) % 5].id }),
        ),
      ),
      ...(leaving.has(voter.id) ? [voter.ask('DELETE', '/v1/me', LEAVING)] : []),
    ])
    const deletion = root.ask('DELETE', `/v1/admin/polls/${going.poll.id}`)
    const replies = await Promise.all([...work, deletion])
    const statuses = [...new Set(replies.map(({ status }) => status))].sort()
    t.strictSame(
      statuses.filter((status) => ![200, 201, 204, 401, 404].includes(status)),
      [],
    )
    t.equal(votesIn(file, going.poll).size, 0)
    const kept = votesIn(file, staying.poll)
    t.strictSame(
      [...kept.keys()].filter((id) => leaving.has(id)),
      [],
    )
    t.equal(kept.size, VOTERS - leaving.size)
    await compare(t, kept, staying)
  })
})

import { join } from 'node:path'
import { type Test, test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { unobserved } from '../../src/db/observer.ts'
import { SessionStore } from '../../src/sessions/session-store.ts'
import { temporaryFolder } from '../support/harness.ts'
import { addUsers, LEAVING } from '../support/members.ts'
import { startService } from '../support/service.ts'

const PROCESSES = 3
const PENDING_MAX = 5

interface Racer {
  id: number
  /** Asks the process of that number; its status, and the body as text. */
  ask(process: number, method: string, path: string, body?: object): Promise<{ status: number; body: string }>
}

/** Several services over one file, as `npm start` makes them. */
async function startServices(t: Test) {
  const folder = temporaryFolder(t)
  const url = `sqlite:${join(folder, 'rollcall.db')}`
  const db = openDatabase({ url, busyTimeoutMs: 5000, observer: unobserved })
  t.teardown(() => db.destroy())
  await migrateToLatest(db)
  const env = { DATABASE_URL: url, PENDING_REQUESTS_MAX: String(PENDING_MAX) }
  const services = await Promise.all(Array.from({ length: PROCESSES }, () => startService(t, { env })))
  const sessions = new SessionStore(db, readConfig({}))

  async function racers(count: number): Promise<Racer[]> {
    const users = await addUsers(
      db,
      Array.from({ length: count }, (_, index) => `Racer ${index}`),
    )
    return db.transaction().execute((tx) =>
      Promise.all(
        users.map(async ({ id }) => {
          const { token } = await sessions.create(tx, id, 'bearer')
          const headers = { authorization: `Bearer ${token}` }
          return {
            id,
            async ask(process: number, method: string, path: string, body?: object) {
              const reply = await fetch(`${services[process % PROCESSES]?.url}${path}`, {
                method,
                headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
                ...(body && { body: JSON.stringify(body) }),
              })
              return { status: reply.status, body: await reply.text() }
            },
          }
        }),
      ),
    )
  }

  async function pairsOf(one: Racer, other: Racer) {
    const [low, high] = one.id < other.id ? [one.id, other.id] : [other.id, one.id]
    return db
      .selectFrom('friendships')
      .selectAll()
      .where('low_id', '=', low)
      .where('high_id', '=', high)
      .execute()
  }
  return { db, racers, pairsOf }
}

/** Rounds of which several run at once, so that the processes contend for the file in each of them. */
async function race(rounds: number, round: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const runner = async () => {
    while (next < rounds) await round(next++)
  }
  await Promise.all(Array.from({ length: 6 }, runner))
}

const friends = (other: Racer) => `/v1/me/friends/${other.id}`
const blocks = (other: Racer) => `/v1/me/blocks/${other.id}`

test('under real concurrency', { timeout: 240_000 }, async (t) => {
  const { db, racers, pairsOf } = await startServices(t)

  await t.test('crossed requests in several processes end in exactly one row, friends', async (t) => {
    const rounds = 150
    const members = await racers(2 * rounds)
    await race(rounds, async (index) => {
      const [one, other] = [members[2 * index] as Racer, members[2 * index + 1] as Racer]
      const replies = await Promise.all(
        Array.from({ length: 6 }, (_, turn) =>
          turn % 2
            ? one.ask(index + turn, 'PUT', friends(other))
            : other.ask(index + turn, 'PUT', friends(one)),
        ),
      )
      const statuses = replies.map(({ status }) => status).sort()
      const rows = await pairsOf(one, other)
      const right =
        statuses.join() === '200,200,200,200,200,201' && rows.length === 1 && rows[0]?.status === 'friends'
      if (!right) t.fail(`round ${index}: ${statuses}, ${JSON.stringify(rows)}`)
    })
    const { rows } = await db
      .selectFrom('table_rows')
      .select('rows')
      .where('name', '=', 'friendships')
      .executeTakeFirstOrThrow()
    t.equal(rows, rounds)
  })

  await t.test('a block beside an acceptance never leaves blocked friends', async (t) => {
    const rounds = 150
    const outcomes = new Map<string, number>()
    const members = await racers(2 * rounds)
    await race(rounds, async (index) => {
      const [asking, accepting] = [members[2 * index] as Racer, members[2 * index + 1] as Racer]
      await asking.ask(index, 'PUT', friends(accepting))
      const blocking = index % 2 ? asking : accepting
      const blocked = index % 2 ? accepting : asking
      const [accepted, block, again] = await Promise.all([
        accepting.ask(index, 'PUT', friends(asking)),
        blocking.ask(index + 1, 'PUT', blocks(blocked)),
        asking.ask(index + 2, 'PUT', friends(accepting)),
      ])
      const rows = await pairsOf(asking, accepting)
      const kept = await db.selectFrom('blocks').selectAll().where('blocker_id', '=', blocking.id).execute()
      // Whoever blocks is told so, whoever is blocked finds nobody.
      const refusal = (racer: Racer) => (racer === blocking ? 409 : 404)
      const right =
        block.status === 201 &&
        kept.length === 1 &&
        rows.length === 0 &&
        [200, refusal(accepting)].includes(accepted.status) &&
        [200, refusal(asking)].includes(again.status)
      if (!right)
        t.fail(`round ${index}: ${accepted.status} ${block.status} ${again.status}, ${JSON.stringify(rows)}`)
      const outcome = accepted.status === 200 ? 'acceptance first' : 'block first'
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    })
    t.comment([...outcomes])
    t.ok(outcomes.get('acceptance first') && outcomes.get('block first'), 'both orders happened')
  })

  await t.test('an acceptance beside a cancellation leaves friends, a new request, or nothing', async (t) => {
    const rounds = 100
    const members = await racers(2 * rounds)
    await race(rounds, async (index) => {
      const [asking, accepting] = [members[2 * index] as Racer, members[2 * index + 1] as Racer]
      await asking.ask(index, 'PUT', friends(accepting))
      const [accepted, cancelled] = await Promise.all([
        accepting.ask(index, 'PUT', friends(asking)),
        asking.ask(index + 1, 'DELETE', friends(accepting)),
      ])
      const rows = await pairsOf(asking, accepting)
      // Accepted, then ended: nothing. Cancelled first: what should accept asks anew.
      const expected = accepted.status === 201 ? [`pending ${accepting.id}`] : []
      const left = rows.map((row) => `${row.status} ${row.requested_by}`)
      if (
        cancelled.status !== 204 ||
        ![200, 201].includes(accepted.status) ||
        left.join() !== expected.join()
      )
        t.fail(`round ${index}: ${accepted.status} ${cancelled.status}, ${left}`)
    })
  })

  await t.test('requests through several processes do not exceed the limit', async (t) => {
    const members = await racers(12 * 25)
    await race(12, async (index) => {
      const [asking, ...others] = members.slice(25 * index, 25 * (index + 1)) as [Racer, ...Racer[]]
      const replies = await Promise.all(others.map((other, turn) => asking.ask(turn, 'PUT', friends(other))))
      const sent = replies.filter(({ status }) => status === 201).length
      const refused = replies.filter(
        ({ status, body }) => status === 409 && JSON.parse(body).max === PENDING_MAX,
      )
      if (sent !== PENDING_MAX || refused.length !== others.length - PENDING_MAX)
        t.fail(`round ${index}: ${sent} sent, ${refused.length} refused`)
    })
  })

  await t.test('a request beside the deletion of either account leaves no row', async (t) => {
    const rounds = 60
    const members = await racers(2 * rounds)
    await race(rounds, async (index) => {
      const [asking, leaving] = [members[2 * index] as Racer, members[2 * index + 1] as Racer]
      const gone = index % 2 ? asking : leaving
      const [asked, blocked, left] = await Promise.all([
        asking.ask(index, 'PUT', friends(leaving)),
        leaving.ask(index + 1, 'PUT', blocks(asking)),
        gone.ask(index + 2, 'DELETE', '/v1/me', LEAVING),
      ])
      const rows = [
        ...(await pairsOf(asking, leaving)),
        ...(await db.selectFrom('blocks').selectAll().where('blocked_id', '=', asking.id).execute()),
      ]
      const right =
        left.status === 204 &&
        rows.length === 0 &&
        [201, 401, 404].includes(asked.status) &&
        [201, 401, 404].includes(blocked.status)
      if (!right)
        t.fail(`round ${index}: ${asked.status} ${blocked.status} ${left.status}, ${JSON.stringify(rows)}`)
    })
  })

  await t.test('after all of it no pair is friends beside a block', async (t) => {
    const both = await db
      .selectFrom('blocks')
      .innerJoin('friendships', (join) =>
        join.on(({ and, or, eb }) =>
          or([
            and([
              eb('friendships.low_id', '=', eb.ref('blocks.blocker_id')),
              eb('friendships.high_id', '=', eb.ref('blocks.blocked_id')),
            ]),
            and([
              eb('friendships.high_id', '=', eb.ref('blocks.blocker_id')),
              eb('friendships.low_id', '=', eb.ref('blocks.blocked_id')),
            ]),
          ]),
        ),
      )
      .select('friendships.status')
      .execute()
    t.strictSame(both, [])
  })
})

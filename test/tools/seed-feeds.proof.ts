import Sqlite from 'better-sqlite3'
import t from 'tap'
import { keepFeeds, MOST_FEEDS, subscribe, unsubscribe } from '../../tools/seeding/seeded-feeds.ts'
import { fill } from '../../tools/seeding/seeded-users.ts'
import { newUser, openMigrated } from '../db/temporary-database.ts'
import { openApp } from '../support/harness.ts'
import { addMembers, type TestMember } from '../support/members.ts'
import { openWatched, seeder } from './seeder.ts'

function countFeeds(file: string): { feeds: number; subscriptions: number } {
  const raw = new Sqlite(file, { readonly: true })
  const countOf = (table: string) =>
    (raw.prepare(`select count(*) as n from ${table}`).get() as { n: number }).n
  const counts = { feeds: countOf('feeds'), subscriptions: countOf('feed_subscriptions') }
  const kept = raw.prepare("select rows from table_rows where name like 'feed%' order by name").all()
  t.same(kept, [{ rows: counts.subscriptions }, { rows: counts.feeds }], 'rows are counted')
  raw.close()
  return counts
}

t.test('each seeded account gets exactly as many feeds as asked for, and real ones stay', async (t) => {
  const { file, seed } = seeder(t)
  const { db } = await openMigrated(t, { file })
  const real = await db.insertInto('users').values(newUser()).returning('id').executeTakeFirstOrThrow()
  await seed('--users', '50', '--feeds', '4')
  t.same(countFeeds(file), { feeds: 4, subscriptions: 200 })
  const fourth = await db
    .selectFrom('feeds')
    .select('id')
    .where('url', 'like', '%/4.xml')
    .executeTakeFirstOrThrow()
  const subscription = { user_id: real.id, feed_id: fourth.id, position: 0 }
  await db.insertInto('feed_subscriptions').values(subscription).execute()

  await seed('--users', '60')
  t.same(countFeeds(file), { feeds: 4, subscriptions: 201 }, 'left out, they stay')
  await seed('--users', '60', '--feeds', String(MOST_FEEDS))
  t.same(countFeeds(file), { feeds: MOST_FEEDS, subscriptions: 60 * MOST_FEEDS + 1 })
  await seed('--users', '60', '--feeds', '2')
  t.same(countFeeds(file), { feeds: 3, subscriptions: 121 }, 'a feed with a real reader stays')
  await seed('--users', '0', '--feeds', '2')
  t.same(countFeeds(file), { feeds: 1, subscriptions: 1 })
})

t.test('seeded news is shown without asking anybody', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  await opened.db.updateTable('users').set({ seed_number: 1 }).where('id', '=', ada.id).execute()
  await keepFeeds(opened.db, 2, Date.now())
  t.equal(await subscribe(opened.db, 2, 1, 1), 2)
  const feeds = (await ada.ask('GET', '/v1/me/feeds')).json().data
  t.same(
    feeds.map(({ title }: { title: string }) => title),
    ['The Harbour Gazette', 'Garden Notes'],
  )
  for (const { id } of feeds) {
    const { items, error, fetchedAt } = (await ada.ask('GET', `/v1/me/feeds/${id}/items`)).json()
    t.equal(items.length, 3)
    t.equal(error, null, 'the network was not asked')
    t.ok(Date.parse(fetchedAt) > Date.now() - 60_000)
  }
})

t.test('no statement of seeding feeds reads a growing table from end to end', async (t) => {
  const { db, defects } = await openWatched(t)
  await fill(db, 1, 10, 1)
  await keepFeeds(db, 3, 1)
  await subscribe(db, 3, 1, 10)
  await unsubscribe(db, 1, 100)
  t.same(defects(), [])
})

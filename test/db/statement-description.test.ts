import t from 'tap'
import { describeStatement } from '../../src/db/statement-description.ts'

const SUMMARIES: [text: string, summary: string][] = [
  ['select "name" from "users" where "id" = ?', 'SELECT users'],
  ['  -- a note about from nowhere\n/* and from\nthere */ Select 1', 'SELECT'],
  ['select * from "users" as "u", "sessions" where u.id in (?, ?)', 'SELECT users sessions'],
  ['select a, b from x left join "y" on x.a = y.b order by a, b', 'SELECT x y'],
  ['select \'from here\' as "from there" from users', 'SELECT users'],
  [
    'select * from (select id from friendships union all select id from blocks) f join users on 1',
    'SELECT friendships blocks users',
  ],
  ['select * from main.users, json_each(?) as j', 'SELECT users'],
  ['select a is not distinct from b from t', 'SELECT t'],
  ['select distinct name from users', 'SELECT users'],
  [
    'insert into "users" ("name") values (?) on conflict do update set "name" = excluded.name',
    'INSERT users',
  ],
  ['insert or ignore into `blocks` select * from [users]', 'INSERT blocks users'],
  ['update or ignore users set name = (select name from other)', 'UPDATE users other'],
  ['delete from "sessions" where "id" in (select "id" from "sessions")', 'DELETE sessions'],
  [
    'with recent (id) as (select id from users), r2 as materialized (select 1 from recent) select * from recent, r2',
    'SELECT users',
  ],
  [
    'with recursive n(i) as (values (1) union all select i + 1 from n) insert into users select i from n',
    'INSERT users',
  ],
  ['create table if not exists "notes" ("id" integer references "users" ("id"))', 'CREATE notes'],
  ['create unique index a on notes (id) where id is not null', 'CREATE notes'],
  ['alter table notes add column x', 'ALTER notes'],
  ['begin immediate', 'BEGIN'],
  ['pragma journal_mode = wal', 'PRAGMA'],
  ['', ''],
]

t.test('a statement is summed up as its verb and its tables', async (t) => {
  for (const [text, summary] of SUMMARIES) t.equal(describeStatement(text).summary, summary, text)
})

t.test('the parts of a description', async (t) => {
  const text = 'with c as (select 1) delete from users where id in (select id from sessions)'
  t.same(describeStatement(text), {
    sql: text,
    operation: 'DELETE',
    collection: 'users',
    summary: 'DELETE users sessions',
  })
  t.equal(describeStatement('commit').collection, undefined)
})

t.test('a summary has at most 255 characters and ends with a whole name', async (t) => {
  const tables = Array.from({ length: 60 }, (_, n) => `table_${n}`)
  const { summary } = describeStatement(`select * from ${tables.join(', ')}`)
  t.ok(summary.length <= 255 && summary.length > 240)
  t.ok(tables.includes(summary.split(' ').at(-1) as string))
})

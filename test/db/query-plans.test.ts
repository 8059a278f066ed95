import { sql } from 'kysely'
import t from 'tap'
import { ALLOWED, planDefects } from '../support/query-plans.ts'
import { openMigrated } from './temporary-database.ts'

const GOOD = [
  'select * from users where id < ? order by id desc limit ?',
  'select max(id) from users',
  'select "u"."id" from "users" as "u" where "u"."email_key" = ?',
  'select * from users where (name_key, id) > (?, ?) order by name_key, id limit ?',
  'select * from users where name_key >= ? and name_key < ? order by name_key, id limit ?',
  'select * from table_rows order by rows',
  'with recursive n(i) as (values (1) union all select i + 1 from n where i < ?) select i from n',
  'select users.name from (select high_id as id from friendships where low_id = ?) as f join users using (id)',
  // A member's friends in the order of their ids, merged from both sides.
  `select high_id as id from friendships where low_id = ? and status = ? and high_id > ?
   union all select low_id from friendships where high_id = ? and status = ? and low_id > ? order by 1 limit ?`,
  // Requests that a member has sent.
  `select count(*) from friendships where requested_by = ? and status = 'pending'`,
  'select blocker_id from blocks where blocked_id = ? order by blocker_id',
  'select id from sessions where expires_at < ? order by expires_at limit ?',
  // Administrators, of any number of members.
  'select id from users where is_administrator = 1 order by id',
  'select day, count from sign_ups where day > ? order by day desc limit ?',
  'insert into blocks select ?, id, ? from users where id = ?',
  'pragma user_version',
]

const BAD: [text: string, defect: RegExp][] = [
  ['select * from users', /^SCAN users/],
  ['select * from users order by id limit 1', /^SCAN users/],
  ['select "u"."id" from "users" as "u" limit 3', /^SCAN u/],
  ['select * from users u, table_rows', /^SCAN u/],
  ['select count(*) from sessions', /^SCAN sessions/],
  ['delete from sessions', /^SCAN sessions/],
  ['update users set name = ? where name = ?', /^SCAN users/],
  ['select * from sessions where user_id = ? order by created_at', /TEMP B-TREE/],
  [`select count(*) from friendships where requested_by = ? and status = ?`, /^SCAN friendships/],
  ['select id from users where is_administrator = ?', /^SCAN users/],
  ['select id from table_rows, (select id from users) as inner_ids', /^SCAN (users|inner_ids)/],
  ['select * from users u1 join users u2 on u1.name = u2.name where u1.id > ?', /AUTOMATIC/],
  ['with recursive n(i) as (select id from users union all select i from n) select i from n', /^SCAN users/],
]

t.test('plans that read no more than they must are let pass', async (t) => {
  const { file } = await openMigrated(t)
  for (const text of GOOD) t.same(planDefects(file, [text]), [], text)
})

t.test('scans of growing tables, sorts of them and indexes made for one query are found', async (t) => {
  const { file } = await openMigrated(t)
  for (const [text, defect] of BAD) t.match(planDefects(file, [text]), [defect], text)
})

t.test('every exception has a reason', async (t) => {
  for (const [text, reason] of ALLOWED) t.match(reason, /\w+ \w+/, text)
})

t.test('every foreign key is found by an index when what it points to is deleted', async (t) => {
  const { db, file } = await openMigrated(t)
  const { rows } = await sql<{ table: string; from: string }>`
    select m.name as "table", f."from" as "from"
    from sqlite_master m, pragma_foreign_key_list(m.name) f where m.type = 'table'
  `.execute(db)
  t.ok(rows.length > 5)
  for (const { table, from } of rows)
    t.same(planDefects(file, [`select 1 from ${table} where ${from} = ?`]), [], `${table}.${from}`)
})

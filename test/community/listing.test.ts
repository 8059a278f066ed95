import { test } from 'tap'
import { listNewest } from '../../src/community/community-queries.ts'
import { User } from '../../src/users/user-view.ts'
import { newUser, openMigrated } from '../db/temporary-database.ts'
import { openApp } from '../support/harness.ts'
import { addMembers, addUsers, allPages, idsOf } from '../support/members.ts'

test("the listing has everybody, newest first, the asking member among them, and nobody's address", async (t) => {
  const opened = await openApp(t)
  const [ada, bob, eve] = await addMembers(opened, 'Ada', 'bob', 'Eve')
  const reply = await bob!.ask('GET', '/v1/community')
  t.equal(reply.statusCode, 200)
  t.strictSame(idsOf(reply.json().data), [eve!.id, bob!.id, ada!.id])
  t.strictSame(Object.keys(reply.json().data[0]), Object.keys(User.properties))
  t.strictSame(reply.json().page, { nextCursor: null })
  t.notOk(reply.headers.link)
  t.strictSame(
    idsOf((await bob!.ask('GET', '/v1/community?sort=joined')).json().data),
    idsOf(reply.json().data),
  )
})

test('the order of the newest is stated where the rows leave SQLite, and not below an aggregate', async (t) => {
  const texts: string[] = []
  const statement = ({ sql }: { sql: string }) => {
    texts.push(sql)
    return () => {}
  }
  const { db } = await openMigrated(t, { observer: { statement, connectionWait() {} } })
  await db
    .insertInto('users')
    .values(['Ada', 'Bob', 'Eve'].map((name) => newUser(name)))
    .execute()
  texts.length = 0
  const { data, lastId } = await listNewest(db, 1, Number.MAX_SAFE_INTEGER, 2)
  t.strictSame(
    JSON.parse(`[${data}]`).map(({ name }: { name: string }) => name),
    ['Eve', 'Bob'],
  )
  t.equal(lastId, 2)
  t.equal(texts.length, 1)
  t.match(texts[0], /order by "users"\."id" desc limit \+\?$/)
  t.notMatch(texts[0], /group_concat|string_agg|json_group_array/)
})

test('sorting by name ignores letter case, and namesakes stand in the order of joining', async (t) => {
  const opened = await openApp(t)
  const [asking] = await addMembers(opened, 'zoe')
  await addUsers(opened.db, ['bob', 'Ada', 'BOB', 'ada', 'Bob', 'Émile', 'émile'])
  const rows = await allPages(asking!, '/v1/community?sort=name', 2)
  t.strictSame(
    rows.map((row) => row.name),
    ['Ada', 'ada', 'bob', 'BOB', 'Bob', 'zoe', 'Émile', 'émile'],
  )
})

test('without a session the community answers 401', async (t) => {
  const { ask } = await openApp(t)
  for (const url of ['/v1/community', '/v1/community/full', '/v1/users/1']) {
    const reply = await ask({ method: 'GET', url })
    t.equal(reply.statusCode, 401, url)
    t.ok(reply.headers['www-authenticate'], url)
  }
})

test('Link leads to the next page, with the same parameters', async (t) => {
  const opened = await openApp(t)
  const [ada] = await addMembers(opened, 'Ada', 'Adam & Eve', 'Adam')
  const first = await ada!.ask('GET', '/v1/community?q=ADA%20%20&limit=1'.replace('%20%20', ''))
  const link = /^<(.+)>; rel="next"$/.exec(String(first.headers.link))?.[1]
  const second = await ada!.ask('GET', link!)
  t.equal(second.json().data[0].name, 'Adam')
  t.equal(first.json().page.nextCursor, new URL(link!, 'http://x').searchParams.get('cursor'))
  t.equal(new URL(link!, 'http://x').searchParams.get('q'), 'ADA')
})

test('a search finds what starts with it, whatever its letter case and Unicode form', async (t) => {
  const opened = await openApp(t)
  const [asking] = await addMembers(opened, 'Asking')
  const cases: [search: string, name: string][] = [
    ['jos\u00E9', 'Jose\u0301 Garci\u0301a'],
    ['JOSE\u0301 g', 'Jos\u00E9 Garc\u00EDa'],
    ['stras', 'Straße 7'],
    ['STRASSE', 'Straße 7'],
    ['Straß', 'STRASSE 8'],
    ['οδυς', 'Οδυσσεύς'],
    ['ΟΔΥΣΣΕΎΣ', 'Οδυσσεύς'],
    ['иван', 'ИВАН Грозный'],
    ['ｊｏｓ', 'Jos van der Berg'],
    ['山', '山田太郎'],
    ['한', '한국'],
    ['😀', '😀 smile'],
    ['  jos ', 'Jos van der Berg'],
    ['jos van', 'Jos van der Berg'],
    ['İst', 'İstanbul'],
  ]
  await addUsers(opened.db, [...new Set(cases.map(([, name]) => name))])
  for (const [search, name] of cases) {
    const rows = await allPages(asking!, `/v1/community?q=${encodeURIComponent(search)}`)
    t.ok(
      rows.some((row) => row.name === name),
      `${JSON.stringify(search)} finds ${name}`,
    )
  }
  t.strictSame(await allPages(asking!, '/v1/community?q=garc'), [], 'the middle of a name is not found')
})

test('a search takes every character for itself', async (t) => {
  const opened = await openApp(t)
  const names = [
    '100% Ada',
    '100 Ada',
    'a_b',
    'axb',
    "O'Hara",
    'O Hara',
    '"quoted"',
    'back\\slash',
    '*star',
    '[set]',
    '-- dash',
    '$1',
    '?1',
    ':name',
    'ada) or 1=1',
  ]
  const [asking] = await addMembers(opened, ...names)
  const found = async (q: string) =>
    (await allPages(asking!, `/v1/community?q=${encodeURIComponent(q)}`)).map((row) => row.name)
  t.strictSame(await found('100%'), ['100% Ada'])
  t.strictSame(await found('a_'), ['a_b'])
  for (const q of [
    '%',
    '_',
    '%a',
    '__',
    '[s-t]',
    'a*',
    '.*',
    '^a',
    "' or ''='",
    '\\',
    '\u{10FFFF}',
    '\uE000',
    '\u0301',
  ])
    t.strictSame(await found(q), [], JSON.stringify(q))
  for (const name of names) t.strictSame(await found(name), [name])
})

test('a search that cannot be meant is refused', async (t) => {
  const opened = await openApp(t)
  const [ada] = await addMembers(opened, 'Ada')
  const refused = [
    'q=',
    'q=%20',
    'q=%E3%80%80',
    'q=%00',
    'q=a%00',
    `q=${'a'.repeat(81)}`,
    'q=a&q=b',
    'q[]=a',
    'Q=a',
  ]
  for (const query of refused) {
    const reply = await ada!.ask('GET', `/v1/community?${query}`)
    t.equal(reply.statusCode, 422, query)
    t.equal(reply.json().type, '/problems/invalid', query)
  }
  t.equal((await ada!.ask('GET', `/v1/community?q=${encodeURIComponent('😀'.repeat(80))}`)).statusCode, 200)
})

test('a search sorts by name, and says so when it is asked to sort otherwise', async (t) => {
  const opened = await openApp(t)
  const [ada] = await addMembers(opened, 'Ada', 'adam', 'Adam', 'Bob')
  const byName = await ada!.ask('GET', '/v1/community?q=ada&sort=name')
  t.strictSame(byName.json(), (await ada!.ask('GET', '/v1/community?q=ada')).json())
  const refused = await ada!.ask('GET', '/v1/community?q=ada&sort=joined')
  t.equal(refused.statusCode, 422)
  t.match(refused.json(), { detail: /by name/, errors: [{ parameter: 'sort' }] })
})

test('limits and sorts that do not exist are refused', async (t) => {
  const opened = await openApp(t)
  const [ada] = await addMembers(opened, 'Ada')
  for (const query of [
    'limit=0',
    'limit=201',
    'limit=-1',
    'limit=1.5',
    'limit=x',
    'limit=1e1',
    'limit=1e400',
    'limit=Infinity',
    'limit=0x5',
    'limit=%205',
    'limit=5&limit=5',
    'limit=',
    'sort=id',
    'sort=',
    'sort=NAME',
    'curser=x',
  ])
    t.equal((await ada!.ask('GET', `/v1/community?${query}`)).statusCode, 422, query)
})

test('the full listing has everybody in one reply, newest first', async (t) => {
  const opened = await openApp(t)
  const [ada] = await addMembers(opened, 'Ada')
  await addUsers(
    opened.db,
    Array.from({ length: 499 }, (_, index) => `Member ${index}`),
  )
  const reply = await ada!.ask('GET', '/v1/community/full')
  t.equal(reply.json().data.length, 500)
  t.strictSame(reply.json().data, await allPages(ada!, '/v1/community?sort=joined', 50))
  t.strictSame(reply.json().page, { nextCursor: null })
  t.equal((await ada!.ask('GET', '/v1/community/full?limit=5')).statusCode, 422, 'it has no parameters')
})

test('a full listing that is capped goes on in the pages', async (t) => {
  const opened = await openApp(t, { config: { fullListingMaxRows: 7 } })
  const [ada] = await addMembers(opened, 'Ada')
  await addUsers(
    opened.db,
    Array.from({ length: 19 }, (_, index) => `Member ${index}`),
  )
  const full = await ada!.ask('GET', '/v1/community/full')
  t.equal(full.json().data.length, 7)
  const link = /^<(.+)>; rel="next"$/.exec(String(full.headers.link))?.[1]
  const rest = await ada!.ask('GET', link!)
  t.equal(rest.statusCode, 200)
  t.strictSame([...full.json().data, ...rest.json().data], await allPages(ada!, '/v1/community'))
  const { nextCursor } = full.json().page
  t.strictSame((await ada!.ask('GET', `/v1/community?sort=joined&cursor=${nextCursor}`)).json(), rest.json())
})

test('a full listing of exactly the cap is whole', async (t) => {
  const opened = await openApp(t, { config: { fullListingMaxRows: 3 } })
  const [ada] = await addMembers(opened, 'Ada', 'Bob', 'Eve')
  const reply = await ada!.ask('GET', '/v1/community/full')
  t.equal(reply.json().data.length, 3)
  t.equal(reply.json().page.nextCursor, null)
})

test('one member is found by id; ids that nobody can have are refused', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await addMembers(opened, 'Ada', 'Bob')
  const reply = await ada!.ask('GET', `/v1/users/${bob!.id}`)
  t.match(reply.json(), { id: bob!.id, name: 'Bob' })
  t.strictSame(Object.keys(reply.json()), Object.keys(User.properties))
  t.equal((await ada!.ask('GET', `/v1/users/${ada!.id}`)).json().name, 'Ada')
  for (const id of [999, Number.MAX_SAFE_INTEGER]) {
    const unknown = await ada!.ask('GET', `/v1/users/${id}`)
    t.equal(unknown.statusCode, 404)
    t.equal(unknown.json().type, '/problems/not-found')
  }
  for (const id of [
    '0',
    '-1',
    '1.5',
    '2.0',
    '02',
    '+2',
    '%202',
    '2%0A',
    '0x2',
    '2e0',
    'me',
    '%00',
    '9007199254740992',
    '9'.repeat(90),
    '1e400',
    'Infinity',
    'NaN',
  ])
    t.equal((await ada!.ask('GET', `/v1/users/${id}`)).statusCode, 422, id)
})

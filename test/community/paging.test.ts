import fc from 'fast-check'
import { type Test, test } from 'tap'
import { foldName } from '../../src/users/text.ts'
import { type OpenedApp, openApp } from '../support/harness.ts'
import {
  addMembers,
  addUsers,
  allPages,
  clearTables,
  idsOf,
  LEAVING,
  type TestMember,
} from '../support/members.ts'

const NAMES = ['a', 'A', 'á', 'a\u0301', 'Á', 'ab', 'AB', 'a b', 'a%', 'a_', 'aß', 'ASS', 'b', '😀', 'ａ']
const randomName = () => NAMES[Math.floor(Math.random() * NAMES.length)] as string

const LISTINGS: [url: string, prefix: string][] = [
  ['/v1/community', ''],
  ['/v1/community?sort=joined', ''],
  ['/v1/community?sort=name', ''],
  ['/v1/community?q=a', 'a'],
  [`/v1/community?q=${encodeURIComponent('á')}`, 'á'],
]

/** Members who come and go until it is stopped, as others' requests would make them. */
function startChurn(opened: OpenedApp) {
  let stopped = false
  const leaving = new Map<number, TestMember>()
  const came = new Set<number>()
  async function come(): Promise<void> {
    const [member] = await addMembers(opened, randomName())
    leaving.set(member!.id, member!)
    came.add(member!.id)
  }
  async function leave(id: number | undefined): Promise<void> {
    const member = leaving.get(id as number)
    if (member === undefined) return
    leaving.delete(member.id)
    await member.ask('DELETE', '/v1/me', LEAVING)
  }
  const running = (async () => {
    while (!stopped) {
      await come()
      while (leaving.size > 15) await leave([...leaving.keys()][Math.floor(Math.random() * leaving.size)])
    }
  })()
  return {
    came,
    leave,
    come,
    async stop() {
      stopped = true
      await running
    },
  }
}

test('while members come and go, the pages hold each of the others exactly once', async (t) => {
  const opened = await openApp(t)
  const asking = (await addMembers(opened, 'a'))[0] as TestMember
  const stable = [asking, ...(await addUsers(opened.db, Array.from({ length: 60 }, randomName)))]
  const churn = startChurn(opened)
  let pages = 0
  for (const [url, prefix] of LISTINGS)
    for (const limit of [1, 7, 200]) {
      const rows = await allPages<{ id: number; name: string }>(asking, url, limit, async (last) => {
        pages++
        // The row that the cursor stands on goes, and others come around it.
        await churn.leave(last.id)
        await churn.come()
      })
      const seen = idsOf(rows)
      const expected = stable.filter(({ name }) => foldName(name).startsWith(prefix)).map(({ id }) => id)
      const label = `${url} by ${limit}`
      t.equal(new Set(seen).size, seen.length, `${label}: no row twice`)
      t.strictSame(
        expected.filter((id) => !seen.includes(id)),
        [],
        `${label}: no row is missing`,
      )
      t.ok(
        rows.every(({ name }) => foldName(name).startsWith(prefix)),
        `${label}: no row that does not belong`,
      )
      t.ok(isInOrder(url, rows), `${label}: in order`)
    }
  await churn.stop()
  t.ok(pages > 200 && churn.came.size > pages, `${pages} pages while ${churn.came.size} members came`)
})

function isInOrder(url: string, rows: { id: number; name: string }[]): boolean {
  const byName = /sort=name|q=/.test(url)
  return rows.every((row, index) => {
    const before = rows[index - 1]
    if (before === undefined) return true
    if (!byName) return before.id > row.id
    const order = Buffer.compare(Buffer.from(foldName(before.name)), Buffer.from(foldName(row.name)))
    return order < 0 || (order === 0 && before.id < row.id)
  })
}

test('any names in any pages are those a plain sort and filter gives', async (t) => {
  const opened = await openApp(t)
  const asking = (await addMembers(opened, 'asking'))[0] as TestMember
  const character = fc.constantFrom(
    'a',
    'A',
    'b',
    'é',
    'e',
    '\u0301',
    '%',
    '_',
    ' ',
    'ß',
    's',
    'Σ',
    '😀',
    '\uFFFD',
    'ﬁ',
    'ı',
    'İ',
  )
  const name = fc.string({ unit: character, minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(name, { maxLength: 25 }),
      fc.string({ unit: character, maxLength: 2 }),
      fc.integer({ min: 1, max: 9 }),
      async (names, q, limit) => {
        clearTables(opened.file, `users where id <> ${asking.id}`)
        const users = [asking, ...(await addUsers(opened.db, names))]
        const keyed = users.map((user) => ({ id: user.id, key: Buffer.from(foldName(user.name)) }))
        const expected = keyed
          .filter(({ key }) => key.toString().startsWith(foldName(q)))
          .sort((one, other) => Buffer.compare(one.key, other.key) || one.id - other.id)
        const url =
          foldName(q) === '' ? '/v1/community?sort=name' : `/v1/community?q=${encodeURIComponent(q)}`
        t.strictSame(idsOf(await allPages(asking, url, limit)), idsOf(expected))
        t.strictSame(
          idsOf(await allPages(asking, '/v1/community', limit)),
          idsOf(users).sort((one, other) => other - one),
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('a page after the longest possible name goes on', async (t) => {
  const opened = await openApp(t)
  const longest = '\uFDFA'.repeat(80)
  const [asking] = await addMembers(opened, longest, longest, longest)
  for (const url of ['/v1/community?sort=name', `/v1/community?q=${encodeURIComponent(longest)}`])
    t.equal((await allPages(asking!, url, 1)).length, 3)
})

/** A cursor is opaque to clients, not to those who attack it. */
function forge(cursor: string, change: (parts: unknown[]) => unknown): string {
  const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  return Buffer.from(JSON.stringify(change(parts))).toString('base64url')
}

async function refusesCursor(t: Test, member: TestMember, url: string, cursor: string): Promise<void> {
  const reply = await member.ask(
    'GET',
    `${url}${url.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`,
  )
  t.equal(reply.statusCode, 400, `${url} refuses ${cursor.slice(0, 40)}`)
  t.equal(reply.json().type, '/problems/invalid-cursor')
}

test('a cursor is good for one listing, sort, filter and member only', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = (await addMembers(opened, 'a1', 'a2', 'ab1', 'ab2')) as [TestMember, TestMember]
  const listings = ['/v1/community', '/v1/community?sort=name', '/v1/community?q=a', '/v1/community?q=ab']
  const cursorOf = async (member: TestMember, url: string): Promise<string> =>
    (await member.ask('GET', `${url}${url.includes('?') ? '&' : '?'}limit=1`)).json().page.nextCursor
  for (const url of listings) {
    const cursor = await cursorOf(ada, url)
    for (const other of listings.filter((one) => one !== url)) await refusesCursor(t, ada, other, cursor)
    await refusesCursor(t, bob, url, cursor)
    await refusesCursor(t, ada, '/v1/me/friends', cursor)
    const again = await ada.ask('GET', `${url}${url.includes('?') ? '&' : '?'}cursor=${cursor}&limit=2`)
    t.equal(again.statusCode, 200, `${url} takes its own, with another limit`)
  }
})

test('a cursor that was changed is refused', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'ada', 'adb', 'adc')) as [TestMember]
  for (const [url, key] of [
    ['/v1/community', [2]],
    ['/v1/community?sort=name', ['ada', 2]],
    ['/v1/community?q=ad', ['ada', 2]],
  ] as const) {
    const { page } = (await ada.ask('GET', `${url}${url.includes('?') ? '&' : '?'}limit=1`)).json()
    const cursor: string = page.nextCursor
    const changes: string[] = [
      ...Array.from({ length: cursor.length - 1 }, (_, index) => cursor.slice(0, index + 1)),
      `${cursor}A`,
      `${cursor}=`,
      ` ${cursor}`,
      `${cursor.slice(0, 5)}!${cursor.slice(5)}`,
      Buffer.from(cursor, 'base64url').toString('utf8'),
      forge(cursor, (parts) => ({ ...parts })),
      forge(cursor, () => null),
      forge(cursor, ([version, ...rest]) => [Number(version) + 1, ...rest]),
      forge(cursor, ([version, , ...rest]) => [version, 'AAAAAAAAAAA', ...rest]),
      forge(cursor, ([version, listing]) => [version, listing]),
      forge(cursor, (parts) => [...parts, 1]),
      forge(cursor, ([version, listing]) => [version, listing, ...key.map(() => null)]),
      forge(cursor, ([version, listing]) => [version, listing, ...key.map((part) => [part])]),
      forge(cursor, ([version, listing]) => [version, listing, ...key.map((part) => ({ part }))]),
      forge(cursor, ([version, listing]) => [
        version,
        listing,
        ...key.map((part) => (typeof part === 'number' ? String(part) : 1)),
      ]),
      forge(cursor, ([version, listing]) => [
        version,
        listing,
        ...key.map((part) => (typeof part === 'number' ? 1.5 : part)),
      ]),
      forge(cursor, ([version, listing]) => [
        version,
        listing,
        ...key.map((part) => (typeof part === 'number' ? 1e300 : part)),
      ]),
      forge(cursor, ([version, listing]) => [
        version,
        listing,
        ...key.map((part) => (typeof part === 'number' ? true : part)),
      ]),
    ]
    for (const change of changes) await refusesCursor(t, ada, url, change)
  }
})

test('a cursor forged to stand outside a search does not widen it', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'aaa', 'baa', 'bab', 'caa')) as [TestMember]
  const { page } = (await ada.ask('GET', '/v1/community?q=ba&limit=1')).json()
  for (const outside of ['', 'aaa', 'b', 'c', '\uD800'])
    await refusesCursor(
      t,
      ada,
      '/v1/community?q=ba',
      forge(page.nextCursor, ([version, listing]) => [version, listing, outside, 0]),
    )
})

test('positions at the ends of all numbers are pages like others', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'ada', 'bob')) as [TestMember]
  const { page } = (await ada.ask('GET', '/v1/community?limit=1')).json()
  const rowsBelow = async (id: number) => {
    const cursor = forge(page.nextCursor, ([version, listing]) => [version, listing, id])
    return (await ada.ask('GET', `/v1/community?cursor=${cursor}`)).json().data.length
  }
  t.equal(await rowsBelow(Number.MAX_SAFE_INTEGER), 2)
  t.equal(await rowsBelow(Number.MIN_SAFE_INTEGER), 0)
  t.equal(await rowsBelow(0), 0)
})

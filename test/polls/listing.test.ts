import { test } from 'tap'
import { allPages, idsOf } from '../support/members.ts'
import { openPolls, type PollBody } from './open-polls.ts'

const PAST = '2001-02-03T04:05:06Z'

test('open polls come first, then closed ones, each newest first, whatever the pages', async (t) => {
  const { root, ada, create, edit, vote } = await openPolls(t)
  const polls: PollBody[] = []
  for (let index = 0; index < 12; index++) polls.push(await create({ question: `Poll ${index}?` }))
  await create({ draft: true })
  await create({ opensAt: new Date(Date.now() + 3_600_000).toISOString() })
  for (const poll of polls.filter((_, index) => index % 3 !== 0)) await edit(poll, { closesAt: PAST })
  const expected = [9, 6, 3, 0, 11, 10, 8, 7, 5, 4, 2, 1].map((index) => polls[index]?.id)
  for (const limit of [1, 2, 3, 4, 5, 12, 200])
    t.strictSame(idsOf(await allPages(ada, '/v1/polls', limit)), expected, `pages of ${limit}`)

  await vote(ada, polls[3] as PollBody, 1)
  const listed = await allPages<PollBody>(ada, '/v1/polls', 5)
  t.strictSame(
    listed.map(({ state }) => state),
    expected.map((_, index) => (index < 4 ? 'open' : 'closed')),
  )
  t.strictSame(
    listed.map(({ myVote }) => myVote),
    expected.map((id) => (id === polls[3]?.id ? polls[3]?.choices[1]?.id : null)),
  )
  for (const { choices } of listed)
    t.strictSame(
      choices.map(({ text }) => text),
      ['Tea', 'Coffee'],
    )

  const all = await allPages<PollBody>(root, '/v1/admin/polls', 5)
  t.equal(all.length, 14, 'administrators have a listing with drafts')
  t.strictSame(
    all.slice(0, 6).map(({ state }) => state),
    ['draft', 'draft', 'open', 'open', 'open', 'open'],
  )
  t.equal(idsOf(await allPages(root, '/v1/polls')).length, 12, 'and the same one as everybody')
})

test('a poll that closes or opens while somebody pages is neither missed nor shown twice', async (t) => {
  const { ada, create, edit } = await openPolls(t)
  const polls: PollBody[] = []
  for (let index = 0; index < 9; index++) polls.push(await create())
  for (const poll of polls.slice(0, 3)) await edit(poll, { closesAt: PAST })
  const expected = idsOf([...polls.slice(3).reverse(), ...polls.slice(0, 3).reverse()])
  const draft = await create({ draft: true })
  const changes = [
    () => edit(polls[8] as PollBody, { closesAt: PAST }),
    () => edit(polls[3] as PollBody, { closesAt: PAST }),
    () => create(),
    () => edit(draft, { draft: false }),
    () => edit(polls[7] as PollBody, { closesAt: PAST }),
    () => edit(polls[6] as PollBody, { description: 'New' }),
  ]
  const seen = await allPages(ada, '/v1/polls', 1, async () => changes.shift()?.())
  t.equal(changes.length, 0)
  t.strictSame(idsOf(seen), expected)
})

test('a cursor belongs to one member and one listing', async (t) => {
  const { root, ada, grace, create } = await openPolls(t)
  await create()
  await create()
  const { nextCursor } = (await ada.ask('GET', '/v1/polls?limit=1')).json().page
  const ask = (member: typeof ada, url: string) => member.ask('GET', `${url}?limit=1&cursor=${nextCursor}`)
  t.equal((await ask(ada, '/v1/polls')).statusCode, 200)
  for (const [member, url] of [
    [grace, '/v1/polls'],
    [root, '/v1/admin/polls'],
  ] as const)
    t.match((await ask(member, url)).json(), { type: '/problems/invalid-cursor', status: 400 })
})

test('a forged time in a cursor shows nothing that is not open yet, and reads a day at most', async (t) => {
  const { ada, create } = await openPolls(t)
  await create()
  await create()
  await create({ opensAt: new Date(Date.now() + 3_600_000).toISOString() })
  const { nextCursor } = (await ada.ask('GET', '/v1/polls?limit=1')).json().page
  const [version, listing] = JSON.parse(Buffer.from(nextCursor, 'base64url').toString())
  for (const [asOf, count] of [
    [253_402_300_000_000, 2],
    [0, 0],
    [-1, 0],
  ]) {
    const forged = JSON.stringify([version, listing, asOf, 0, Number.MAX_SAFE_INTEGER])
    const reply = await ada.ask('GET', `/v1/polls?cursor=${Buffer.from(forged).toString('base64url')}`)
    t.equal(reply.json().data.length, count, String(asOf))
  }
})

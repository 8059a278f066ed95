import { test } from 'tap'
import { openApp } from '../support/harness.ts'
import { addMembers, allPages, idsOf, type TestMember } from '../support/members.ts'

const LISTINGS = ['/v1/community', '/v1/community?sort=name', '/v1/community?q=member']

async function seenBy(member: TestMember): Promise<number[][]> {
  const paged = await Promise.all(LISTINGS.map((url) => allPages(member, url, 2)))
  const full = (await member.ask('GET', '/v1/community/full')).json().data
  return [...paged, full].map((rows) => idsOf(rows).sort((one, other) => one - other))
}

test('a block hides both from each other in every listing, and nobody else', async (t) => {
  const opened = await openApp(t)
  const members = await addMembers(opened, 'Member A', 'Member B', 'Member C', 'Member D')
  const [a, b, c, d] = members as [TestMember, TestMember, TestMember, TestMember]
  await a.ask('PUT', `/v1/me/blocks/${b.id}`)
  for (const ids of await seenBy(a))
    t.strictSame(ids, [a.id, c.id, d.id], 'the blocker does not see the blocked')
  for (const ids of await seenBy(b)) t.strictSame(ids, [b.id, c.id, d.id], 'nor the blocked the blocker')
  for (const ids of await seenBy(c)) t.strictSame(ids, idsOf(members), 'a third member sees both')

  await d.ask('PUT', `/v1/me/blocks/${a.id}`)
  for (const ids of await seenBy(a)) t.strictSame(ids, [a.id, c.id], "own and others' blocks add up")

  await a.ask('DELETE', `/v1/me/blocks/${b.id}`)
  for (const ids of await seenBy(a)) t.strictSame(ids, [a.id, b.id, c.id], 'unblocking shows them again')
  for (const ids of await seenBy(b)) t.strictSame(ids, idsOf(members))
})

test('where both block, one unblocking shows neither', async (t) => {
  const opened = await openApp(t)
  const [a, b] = (await addMembers(opened, 'Member A', 'Member B')) as [TestMember, TestMember]
  await a.ask('PUT', `/v1/me/blocks/${b.id}`)
  t.equal((await b.ask('PUT', `/v1/me/blocks/${a.id}`)).statusCode, 201)
  await a.ask('DELETE', `/v1/me/blocks/${b.id}`)
  for (const ids of await seenBy(a)) t.strictSame(ids, [a.id])
  for (const ids of await seenBy(b)) t.strictSame(ids, [b.id])
})

test('a hidden member is answered exactly as nobody', async (t) => {
  const opened = await openApp(t)
  const [a, b] = (await addMembers(opened, 'Member A', 'Member B')) as [TestMember, TestMember]
  await a.ask('PUT', `/v1/me/blocks/${b.id}`)
  for (const [asking, hidden] of [
    [a, b],
    [b, a],
  ] as const)
    for (const path of ['', '/mutual-friends']) {
      const reply = await asking.ask('GET', `/v1/users/${hidden.id}${path}`)
      const unknown = await asking.ask('GET', `/v1/users/999${path}`)
      t.equal(reply.statusCode, 404)
      t.strictSame(
        { ...reply.json(), instance: '', traceId: '' },
        { ...unknown.json(), instance: '', traceId: '' },
      )
      t.strictSame(Object.keys(reply.headers), Object.keys(unknown.headers))
    }
})

test('pages stay full where the hidden stand between', async (t) => {
  const opened = await openApp(t)
  const names = Array.from({ length: 40 }, (_, index) => `Member ${index}`)
  const [asking, ...others] = (await addMembers(opened, ...names)) as [TestMember, ...TestMember[]]
  const hidden = others.filter((_, index) => index % 3 !== 0)
  for (const [index, member] of hidden.entries())
    await (index % 2
      ? asking.ask('PUT', `/v1/me/blocks/${member.id}`)
      : member.ask('PUT', `/v1/me/blocks/${asking.id}`))
  const visible = [asking, ...others.filter((member) => !hidden.includes(member))].map((member) => member.id)
  for (const url of LISTINGS)
    for (const limit of [1, 3, 7, 50])
      t.strictSame(
        idsOf(await allPages(asking, url, limit)).sort((one, other) => one - other),
        visible,
        `${url} by ${limit}`,
      )
})

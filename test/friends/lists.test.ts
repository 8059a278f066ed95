import { test } from 'tap'
import { type OpenedApp, openApp } from '../support/harness.ts'
import { addMembers, addUsers, allPages, idsOf, type TestMember } from '../support/members.ts'

/** Pairs straight into the table: the cases have tests of their own. */
async function befriend(
  db: OpenedApp['db'],
  pairs: [one: number, other: number][],
  status: 'friends' | 'pending' = 'friends',
) {
  await db.transaction().execute(async (tx) => {
    for (const [one, other] of pairs)
      await tx
        .insertInto('friendships')
        .values({
          low_id: Math.min(one, other),
          high_id: Math.max(one, other),
          status,
          requested_by: one,
          requested_at: 1000,
          friends_since: status === 'friends' ? 2000 : null,
        })
        .execute()
  })
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `Member ${index}`)

test('friends, requests and blocks come in the order of ids, in pages of any size, from both sides of the pairs', async (t) => {
  const opened = await openApp(t)
  const before = await addUsers(opened.db, names(40))
  const asking = (await addMembers(opened, 'Asking'))[0] as TestMember
  const after = await addUsers(opened.db, names(40))
  const others = [...before, ...after].map(({ id }) => id)
  const part = (remainder: number) => others.filter((_, index) => index % 4 === remainder)
  await befriend(
    opened.db,
    part(0).map((id) => [asking.id, id]),
  )
  await befriend(
    opened.db,
    part(1).map((id) => [id, asking.id]),
    'pending',
  )
  await befriend(
    opened.db,
    part(2).map((id) => [asking.id, id]),
    'pending',
  )
  for (const id of part(3)) await asking.ask('PUT', `/v1/me/blocks/${id}`)
  // Pairs of others, which belong to nobody's listing here.
  await befriend(opened.db, [[others[0] as number, others[4] as number]])
  await befriend(opened.db, [[others[1] as number, others[5] as number]], 'pending')

  for (const limit of [1, 3, 19, 20, 21, 200]) {
    t.strictSame(idsOf(await allPages(asking, '/v1/me/friends', limit)), part(0), `friends by ${limit}`)
    t.strictSame(
      idsOf(await allPages(asking, '/v1/me/friend-requests', limit)),
      part(1),
      `incoming by ${limit}`,
    )
    t.strictSame(
      idsOf(await allPages(asking, '/v1/me/friend-requests?direction=outgoing', limit)),
      part(2),
      `outgoing by ${limit}`,
    )
    t.strictSame(idsOf(await allPages(asking, '/v1/me/blocks', limit)), part(3), `blocks by ${limit}`)
  }
})

test('while pairs come and go, the pages hold each of the others exactly once', async (t) => {
  const opened = await openApp(t)
  const before = await addMembers(opened, ...names(25))
  const asking = (await addMembers(opened, 'Asking'))[0] as TestMember
  const members = [...before, ...(await addMembers(opened, ...names(25)))]
  const stable = members.filter((_, index) => index % 2 === 0)
  const changing = members.filter((_, index) => index % 2 === 1)
  await befriend(
    opened.db,
    stable.map(({ id }) => [asking.id, id]),
  )
  let stopped = false
  const churn = (async () => {
    for (let turn = 0; !stopped; turn++) {
      const member = changing[turn % changing.length] as TestMember
      await member.ask('PUT', `/v1/me/friends/${asking.id}`)
      await asking.ask('PUT', `/v1/me/friends/${member.id}`)
      if (turn % 3) await member.ask('DELETE', `/v1/me/friends/${asking.id}`)
    }
  })()
  for (const limit of [1, 2, 7])
    for (let time = 0; time < 3; time++) {
      const seen = idsOf(
        await allPages(asking, '/v1/me/friends', limit, async (last) => {
          if (changing.some(({ id }) => id === last.id))
            await asking.ask('DELETE', `/v1/me/friends/${last.id}`)
        }),
      )
      t.strictSame(
        seen,
        [...new Set(seen)].sort((one, other) => one - other),
        `by ${limit}: in order, none twice`,
      )
      t.strictSame(
        stable.filter(({ id }) => !seen.includes(id)),
        [],
        `by ${limit}: none is missing`,
      )
    }
  stopped = true
  await churn
})

test('mutual friends are those that a plain look at the graph gives', async (t) => {
  const opened = await openApp(t)
  for (let graph = 0; graph < 6; graph++) {
    const members = await addMembers(opened, ...names(12))
    const density = [0, 0.15, 0.3, 0.5, 0.8, 1][graph] as number
    const friends = new Set<string>()
    for (const one of members)
      for (const other of members)
        if (one.id < other.id && Math.random() < density) friends.add(`${one.id}-${other.id}`)
    const areFriends = (one: number, other: number) =>
      friends.has(`${Math.min(one, other)}-${Math.max(one, other)}`)
    const pairs = members.flatMap((one) =>
      members.flatMap((other): [number, number][] => (one.id < other.id ? [[one.id, other.id]] : [])),
    )
    await befriend(
      opened.db,
      pairs.filter(([one, other]) => areFriends(one, other)),
    )
    // Pending pairs are no friendships.
    await befriend(opened.db, pairs.filter(([one, other]) => !areFriends(one, other)).slice(0, 5), 'pending')
    for (const one of members)
      for (const other of members) {
        const expected = members.filter(({ id }) => areFriends(id, one.id) && areFriends(id, other.id))
        const limit = 1 + Math.floor(Math.random() * 5)
        const seen = await allPages(one, `/v1/users/${other.id}/mutual-friends`, limit)
        t.strictSame(
          idsOf(seen),
          idsOf(expected),
          `density ${density}, ${one.name} and ${other.name} by ${limit}`,
        )
      }
  }
})

test('mutual friends of a member with themselves are their friends', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = (await addMembers(opened, 'Ada', 'Bob')) as [TestMember, TestMember]
  await befriend(opened.db, [[ada.id, bob.id]])
  t.strictSame(idsOf(await allPages(ada, `/v1/users/${ada.id}/mutual-friends`)), [bob.id])
})

test('mutual friends name nobody whom a block hides', async (t) => {
  const opened = await openApp(t)
  const [ada, bob, eve] = (await addMembers(opened, 'Ada', 'Bob', 'Eve')) as [
    TestMember,
    TestMember,
    TestMember,
  ]
  await befriend(opened.db, [
    [ada.id, eve.id],
    [bob.id, eve.id],
  ])
  t.strictSame(idsOf(await allPages(ada, `/v1/users/${bob.id}/mutual-friends`)), [eve.id])
  await eve.ask('PUT', `/v1/me/blocks/${ada.id}`)
  t.strictSame(idsOf(await allPages(ada, `/v1/users/${bob.id}/mutual-friends`)), [])
})

test('a cursor is good for one listing, direction and member only', async (t) => {
  const opened = await openApp(t)
  const [ada, bob, ...others] = (await addMembers(opened, ...names(14))) as [
    TestMember,
    TestMember,
    ...TestMember[],
  ]
  const idAt = (index: number) => (others[index] as TestMember).id
  for (const member of [ada, bob]) {
    await befriend(
      opened.db,
      [0, 1, 2].map((index) => [member.id, idAt(index)]),
    )
    await befriend(
      opened.db,
      [3, 4, 5].map((index) => [member.id, idAt(index)]),
      'pending',
    )
    await befriend(
      opened.db,
      [6, 7, 8].map((index) => [idAt(index), member.id]),
      'pending',
    )
    for (const index of [9, 10, 11]) await member.ask('PUT', `/v1/me/blocks/${idAt(index)}`)
  }
  const listings = [
    '/v1/me/friends?',
    '/v1/me/friend-requests?',
    '/v1/me/friend-requests?direction=outgoing&',
    '/v1/me/blocks?',
    `/v1/users/${bob.id}/mutual-friends?`,
    `/v1/users/${idAt(0)}/mutual-friends?`,
    `/v1/users/${ada.id}/mutual-friends?`,
    '/v1/community?',
  ]
  await befriend(opened.db, [
    [idAt(0), idAt(1)],
    [idAt(0), idAt(2)],
  ])
  for (const url of listings) {
    const { page } = (await ada.ask('GET', `${url}limit=1`)).json()
    t.type(page.nextCursor, 'string', url)
    t.equal((await ada.ask('GET', `${url}cursor=${page.nextCursor}`)).statusCode, 200)
    for (const other of listings.filter((one) => one !== url))
      t.equal(
        (await ada.ask('GET', `${other}cursor=${page.nextCursor}`)).statusCode,
        400,
        `${other} with that of ${url}`,
      )
    const foreign = await bob.ask('GET', `${url}cursor=${page.nextCursor}`)
    t.equal(foreign.statusCode, 400, `another member's ${url}`)
    t.equal(foreign.json().type, '/problems/invalid-cursor')
    for (const cursor of [page.nextCursor.slice(0, -2), `${page.nextCursor}x`, 'e30', 'x'])
      t.equal((await ada.ask('GET', `${url}cursor=${cursor}`)).statusCode, 400)
  }
  for (const query of ['direction=both', 'direction=', 'limit=0', 'limit=x', 'cursor='])
    t.equal((await ada.ask('GET', `/v1/me/friend-requests?${query}`)).statusCode, 422, query)
})

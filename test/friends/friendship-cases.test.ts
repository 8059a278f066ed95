import { test } from 'tap'
import { User } from '../../src/users/user-view.ts'
import { openApp, signUp } from '../support/harness.ts'
import { addMembers, allPages, idsOf, LEAVING, type TestMember, tableOf } from '../support/members.ts'

type Opened = Awaited<ReturnType<typeof openApp>>

const request = (one: TestMember, other: { id: number }) => one.ask('PUT', `/v1/me/friends/${other.id}`)
const remove = (one: TestMember, other: { id: number }) => one.ask('DELETE', `/v1/me/friends/${other.id}`)
const block = (one: TestMember, other: { id: number }) => one.ask('PUT', `/v1/me/blocks/${other.id}`)
const unblock = (one: TestMember, other: { id: number }) => one.ask('DELETE', `/v1/me/blocks/${other.id}`)

async function three(opened: Opened): Promise<[TestMember, TestMember, TestMember]> {
  return (await addMembers(opened, 'Ada', 'Bob', 'Eve')) as [TestMember, TestMember, TestMember]
}

const rowsOf = (opened: Opened) => tableOf(opened.file, 'friendships')

/** What one member sees of their own friendships. */
async function view(member: TestMember) {
  const ids = async (url: string) => idsOf(await allPages(member, url))
  return {
    friends: await ids('/v1/me/friends'),
    incoming: await ids('/v1/me/friend-requests'),
    outgoing: await ids('/v1/me/friend-requests?direction=outgoing'),
    blocks: await ids('/v1/me/blocks'),
  }
}

const NOTHING = { friends: [], incoming: [], outgoing: [], blocks: [] }

test('oneself cannot be asked, unfriended, blocked or unblocked', async (t) => {
  const opened = await openApp(t)
  const [ada] = await three(opened)
  for (const act of [request, remove, block, unblock]) {
    const reply = await act(ada, ada)
    t.equal(reply.statusCode, 422)
    t.match(reply.json(), { type: '/problems/invalid', errors: [{ parameter: 'userId' }] })
  }
  t.strictSame(await view(ada), NOTHING)
})

test('an unknown member and one who has left are answered alike', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await three(opened)
  await bob.ask('DELETE', '/v1/me', LEAVING)
  const bodies = []
  for (const other of [bob, { id: 12_345 }, { id: Number.MAX_SAFE_INTEGER }])
    for (const act of [request, block]) {
      const reply = await act(ada, other)
      t.equal(reply.statusCode, 404)
      bodies.push({ ...reply.json(), instance: '', traceId: '' })
    }
  for (const body of bodies) t.strictSame(body, bodies[0])
  for (const act of [remove, unblock])
    t.equal((await act(ada, bob)).statusCode, 204, 'nothing is left of them')
  t.strictSame(rowsOf(opened), [])
})

test('ids that nobody can have are refused', async (t) => {
  const opened = await openApp(t)
  const [ada] = await three(opened)
  for (const id of ['0', '-1', '1.5', 'x', '9007199254740992', '%27'])
    for (const url of [`/v1/me/friends/${id}`, `/v1/me/blocks/${id}`])
      for (const method of ['PUT', 'DELETE'] as const)
        t.equal((await ada.ask(method, url)).statusCode, 422, `${method} ${url}`)
})

test('a first request is pending: 201, outgoing for one and incoming for the other', async (t) => {
  const opened = await openApp(t)
  const [ada, bob, eve] = await three(opened)
  const before = Date.now()
  const reply = await request(ada, bob)
  t.equal(reply.statusCode, 201)
  const { requestedAt, ...rest } = reply.json()
  t.match(rest, { user: { id: bob.id, name: 'Bob' }, status: 'pending', friendsSince: null })
  t.strictSame(Object.keys(rest.user), Object.keys(User.properties))
  t.ok(Date.parse(requestedAt) >= before && Date.parse(requestedAt) <= Date.now())
  t.strictSame(await view(ada), { ...NOTHING, outgoing: [bob.id] })
  t.strictSame(await view(bob), { ...NOTHING, incoming: [ada.id] })
  t.strictSame(await view(eve), NOTHING)
  const [waiting] = (await bob.ask('GET', '/v1/me/friend-requests?direction=incoming')).json().data
  t.strictSame(Object.keys(waiting), [...Object.keys(User.properties), 'requestedAt'])
  t.equal(waiting.requestedAt, requestedAt)
})

test('a repeated request changes nothing: 200', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await three(opened)
  const first = await request(ada, bob)
  const rows = rowsOf(opened)
  const repeated = await request(ada, bob)
  t.equal(repeated.statusCode, 200)
  t.strictSame(repeated.json(), first.json())
  t.strictSame(rowsOf(opened), rows)
})

test('asking whoever has asked makes friends: 200, from both sides of the pair', async (t) => {
  const opened = await openApp(t)
  const [ada, bob, eve] = await three(opened)
  for (const [asking, accepting] of [
    [ada, bob],
    [eve, bob],
  ] as const) {
    const asked = (await request(asking, accepting)).json()
    const reply = await request(accepting, asking)
    t.equal(reply.statusCode, 200)
    const { friendsSince, ...rest } = reply.json()
    t.match(rest, { user: { id: asking.id }, status: 'friends', requestedAt: asked.requestedAt })
    t.ok(Date.parse(friendsSince) >= Date.parse(asked.requestedAt))
    const [friend] = (await asking.ask('GET', '/v1/me/friends')).json().data
    t.strictSame(Object.keys(friend), [...Object.keys(User.properties), 'friendsSince'])
    t.match(friend, { id: bob.id, friendsSince })
  }
  t.strictSame(await view(bob), { ...NOTHING, friends: [ada.id, eve.id] })
  t.strictSame(await view(ada), { ...NOTHING, friends: [bob.id] })
})

test('asking a friend changes nothing: 200', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await three(opened)
  await request(ada, bob)
  const accepted = await request(bob, ada)
  const rows = rowsOf(opened)
  for (const [one, other] of [
    [ada, bob],
    [bob, ada],
  ] as const) {
    const reply = await request(one, other)
    t.equal(reply.statusCode, 200)
    const { user, ...friendship } = reply.json()
    t.equal(user.id, other.id)
    t.match(accepted.json(), friendship)
  }
  t.strictSame(rowsOf(opened), rows)
})

test('requests in the same moment make one row of friends', async (t) => {
  const opened = await openApp(t)
  for (let round = 0; round < 20; round++) {
    const [ada, bob] = await three(opened)
    const replies = await Promise.all([
      request(ada, bob),
      request(bob, ada),
      request(ada, bob),
      request(bob, ada),
    ])
    t.strictSame(replies.map((reply) => reply.statusCode).sort(), [200, 200, 200, 201])
    const rows = rowsOf(opened).filter((row) => row.low_id === ada.id)
    t.match(rows, [{ high_id: bob.id, status: 'friends' }])
    t.equal(rows.length, 1)
  }
})

test('whom I block I cannot ask: 409 until I unblock', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await three(opened)
  await block(ada, bob)
  const reply = await request(ada, bob)
  t.equal(reply.statusCode, 409)
  t.equal(reply.json().type, '/problems/blocked')
  await unblock(ada, bob)
  t.equal((await request(ada, bob)).statusCode, 201)
})

test('who blocks me is answered as nobody', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await three(opened)
  await block(bob, ada)
  const reply = await request(ada, bob)
  const unknown = await request(ada, { id: 12_345 })
  t.equal(reply.statusCode, 404)
  t.strictSame(
    { ...reply.json(), instance: '', traceId: '' },
    { ...unknown.json(), instance: '', traceId: '' },
  )
  t.strictSame(rowsOf(opened), [])
})

test("where both block, a request does not tell of the other's block", async (t) => {
  const opened = await openApp(t)
  const [ada, bob, eve] = await three(opened)
  await block(ada, bob)
  await block(ada, eve)
  await block(bob, ada)
  const [both, mine] = [await request(ada, bob), await request(ada, eve)]
  t.equal(both.statusCode, 409)
  t.strictSame({ ...both.json(), instance: '', traceId: '' }, { ...mine.json(), instance: '', traceId: '' })
})

test('too many pending requests: 409 with the limit, until one is answered or cancelled', async (t) => {
  const opened = await openApp(t, { config: { pendingRequestsMax: 2 } })
  const [ada, bob, eve, ida, una] = (await addMembers(opened, 'Ada', 'Bob', 'Eve', 'Ida', 'Una')) as [
    TestMember,
    TestMember,
    TestMember,
    TestMember,
    TestMember,
  ]
  await request(bob, ada)
  await request(bob, eve)
  const refused = await request(bob, ida)
  t.equal(refused.statusCode, 409)
  t.match(refused.json(), { type: '/problems/too-many-requests-pending', max: 2 })
  t.equal((await request(bob, ada)).statusCode, 200, 'repeating one of them is no new request')

  await request(una, bob)
  t.equal((await request(bob, una)).json().status, 'friends', 'accepting is no new request')
  t.equal((await request(ida, bob)).statusCode, 201, 'others may still ask')
  t.equal((await remove(bob, ida)).statusCode, 204)

  t.equal((await request(ada, bob)).json().status, 'friends')
  t.equal((await request(bob, ida)).statusCode, 201, 'an accepted one makes room')
  t.equal((await request(bob, { id: 99 })).statusCode, 404, 'nobody is nobody, whatever the limit')
  await remove(bob, eve)
  t.equal((await request(bob, eve)).statusCode, 201, 'a cancelled one makes room')
  await remove(eve, bob)
  t.equal((await request(bob, eve)).statusCode, 201, 'a declined one makes room')
})

test('requests in the same moment do not exceed the limit', async (t) => {
  const opened = await openApp(t, { config: { pendingRequestsMax: 5 } })
  const [ada, ...others] = await addMembers(
    opened,
    ...Array.from({ length: 20 }, (_, index) => `Member ${index}`),
  )
  const replies = await Promise.all(others.map((other) => request(ada!, other)))
  t.equal(replies.filter((reply) => reply.statusCode === 201).length, 5)
  t.equal(replies.filter((reply) => reply.statusCode === 409).length, 14)
})

test('decline, cancel and unfriend: 204, repeated too, and a new request is possible', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await three(opened)
  const prepare = {
    declines: async () => void (await request(ada, bob)),
    cancels: async () => void (await request(bob, ada)),
    unfriends: async () => {
      await request(ada, bob)
      await request(bob, ada)
    },
    'has nothing to end': async () => {},
  }
  for (const [what, make] of Object.entries(prepare)) {
    await make()
    for (let time = 0; time < 3; time++) {
      const reply = await remove(bob, ada)
      t.equal(reply.statusCode, 204, `bob ${what}`)
      t.equal(reply.body, '')
    }
    t.strictSame(await view(ada), NOTHING)
    t.strictSame(await view(bob), NOTHING)
    t.equal((await request(bob, ada)).statusCode, 201, 'asks anew')
    await remove(ada, bob)
  }
})

test('a block ends a request of either side and a friendship: the row is gone', async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await three(opened)
  const prepare = [
    async () => {},
    async () => void (await request(ada, bob)),
    async () => void (await request(bob, ada)),
    async () => {
      await request(ada, bob)
      await request(bob, ada)
    },
  ]
  for (const make of prepare)
    for (const [blocking, blocked] of [
      [ada, bob],
      [bob, ada],
    ] as const) {
      await make()
      const reply = await block(blocking, blocked)
      t.equal(reply.statusCode, 201)
      t.match(reply.json(), { id: blocked.id, name: blocked.name })
      t.strictSame(Object.keys(reply.json()), [...Object.keys(User.properties), 'blockedAt'])
      t.strictSame(rowsOf(opened), [])
      t.strictSame(await view(blocking), { ...NOTHING, blocks: [blocked.id] })
      t.strictSame(await view(blocked), NOTHING, 'the blocked is not told')

      const repeated = await block(blocking, blocked)
      t.equal(repeated.statusCode, 200)
      t.strictSame(repeated.json(), reply.json())
      t.strictSame((await blocking.ask('GET', '/v1/me/blocks')).json().data, [reply.json()])

      t.equal((await unblock(blocking, blocked)).statusCode, 204)
      t.equal((await unblock(blocking, blocked)).statusCode, 204, 'repeated too')
      t.strictSame(await view(ada), NOTHING, 'unblocking restores nothing')
      t.strictSame(await view(bob), NOTHING)
    }
})

test("where both block and one unblocks, the other's block stays", async (t) => {
  const opened = await openApp(t)
  const [ada, bob] = await three(opened)
  await block(ada, bob)
  await block(bob, ada)
  await unblock(ada, bob)
  t.strictSame(await view(ada), NOTHING)
  t.strictSame(await view(bob), { ...NOTHING, blocks: [ada.id] })
  t.equal((await request(ada, bob)).statusCode, 404)
  t.equal((await request(bob, ada)).statusCode, 409)
  t.equal((await unblock(ada, bob)).statusCode, 204)
  t.strictSame(
    await view(bob),
    { ...NOTHING, blocks: [ada.id] },
    "unblocking takes back one's own block only",
  )
})

test('blocking does not count as a pending request of anybody', async (t) => {
  const opened = await openApp(t, { config: { pendingRequestsMax: 1 } })
  const [ada, bob, eve] = await three(opened)
  await request(ada, bob)
  await block(bob, ada)
  t.equal((await request(ada, eve)).statusCode, 201)
})

test('an account that is deleted leaves nothing, and the cursors that stand on it stay good', async (t) => {
  const opened = await openApp(t)
  const members = await addMembers(opened, ...Array.from({ length: 6 }, (_, index) => `Member ${index}`))
  const [ada, ...others] = members as [TestMember, ...TestMember[]]
  for (const other of others) {
    await request(ada, other)
    await request(other, ada)
  }
  const first = (await ada.ask('GET', '/v1/me/friends?limit=2')).json()
  await others[1]?.ask('DELETE', '/v1/me', LEAVING)
  const second = (await ada.ask('GET', `/v1/me/friends?limit=2&cursor=${first.page.nextCursor}`)).json()
  t.strictSame(idsOf(second.data), [others[2]?.id, others[3]?.id])

  await block(others[0] as TestMember, others[4] as TestMember)
  await others[4]?.ask('DELETE', '/v1/me', LEAVING)
  const counted = tableOf(opened.file, 'table_rows')
  for (const table of ['friendships', 'blocks', 'users'] as const) {
    const rows = tableOf(opened.file, table)
    t.equal(counted.find(({ name }) => name === table)?.rows, rows.length, `${table} are counted exactly`)
  }
  t.strictSame(tableOf(opened.file, 'blocks'), [])
})

test('every route of friends needs a session', async (t) => {
  const opened = await openApp(t)
  const [, bob] = await three(opened)
  const routes: ['GET' | 'PUT' | 'DELETE', string][] = [
    ['GET', '/v1/me/friends'],
    ['PUT', `/v1/me/friends/${bob.id}`],
    ['DELETE', `/v1/me/friends/${bob.id}`],
    ['GET', '/v1/me/friend-requests'],
    ['GET', '/v1/me/blocks'],
    ['PUT', `/v1/me/blocks/${bob.id}`],
    ['DELETE', `/v1/me/blocks/${bob.id}`],
    ['GET', `/v1/users/${bob.id}/mutual-friends`],
  ]
  for (const [method, url] of routes)
    t.equal((await opened.ask({ method, url })).statusCode, 401, `${method} ${url}`)
})

test('members who sign up through the API can be friends', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const bob = await signUp(opened, 'Bob')
  t.equal((await ada.ask('PUT', `/v1/me/friends/${bob.id}`)).statusCode, 201)
  t.equal((await bob.ask('PUT', `/v1/me/friends/${ada.id}`)).json().status, 'friends')
  t.notMatch(
    (await ada.ask('GET', '/v1/me/friends')).body,
    /example\.com/,
    'addresses stay with their owners',
  )
})

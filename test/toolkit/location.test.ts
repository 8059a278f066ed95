import { test } from 'tap'
import { openApp } from '../support/harness.ts'
import { addMembers, LEAVING, type TestMember, tableOf } from '../support/members.ts'

const PATH = '/v1/me/location'
const BERLIN = { latitude: 52.52, longitude: 13.405, accuracy: 25.5, label: 'Café 🎉', shared: false }

async function befriend(one: TestMember, other: TestMember): Promise<void> {
  await one.ask('PUT', `/v1/me/friends/${other.id}`)
  await other.ask('PUT', `/v1/me/friends/${one.id}`)
}

test('a place is saved, replaced as a whole, and forgotten', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  t.equal((await ada.ask('GET', PATH)).statusCode, 404)
  const before = Date.now()
  const saved = await ada.ask('PUT', PATH, BERLIN)
  t.match(saved.json(), BERLIN)
  t.ok(Date.parse(saved.json().recordedAt) >= before)
  t.strictSame((await ada.ask('GET', PATH)).json(), saved.json())
  const replaced = await ada.ask('PUT', PATH, { latitude: -90, longitude: 180, shared: true })
  t.match(replaced.json(), { latitude: -90, longitude: 180, accuracy: null, label: null, shared: true })
  t.equal((await ada.ask('DELETE', PATH)).statusCode, 204)
  t.equal((await ada.ask('DELETE', PATH)).statusCode, 204)
  t.equal((await ada.ask('GET', PATH)).statusCode, 404)
})

test('friends see a place only while it is shared and while they are friends', async (t) => {
  const opened = await openApp(t)
  const [ada, grace, eve] = (await addMembers(opened, 'Ada', 'Grace', 'Eve')) as [
    TestMember,
    TestMember,
    TestMember,
  ]
  const seenBy = (member: TestMember) => member.ask('GET', `/v1/users/${ada.id}/location`)
  const refusals = new Set<string>()
  const isHidden = async (member: TestMember, why: string) => {
    const reply = await seenBy(member)
    t.equal(reply.statusCode, 404, why)
    refusals.add(reply.json().detail)
  }
  await isHidden(grace, 'no place')
  await ada.ask('PUT', PATH, { ...BERLIN, shared: true })
  await isHidden(grace, 'a stranger')
  await isHidden(ada, 'the member, who has an address of their own for it')
  await grace.ask('PUT', `/v1/me/friends/${ada.id}`)
  await isHidden(grace, 'a request without an answer')
  await ada.ask('PUT', `/v1/me/friends/${grace.id}`)
  const { shared: _, ...place } = BERLIN
  const seen = (await seenBy(grace)).json()
  t.match(seen, { ...place, user: { id: ada.id, name: 'Ada' } })
  t.notOk('shared' in seen)
  await isHidden(eve, 'another stranger')

  await ada.ask('PUT', PATH, { ...BERLIN, shared: false })
  await isHidden(grace, 'not shared any more')
  await ada.ask('PUT', PATH, { ...BERLIN, shared: true })
  t.equal((await seenBy(grace)).statusCode, 200)

  await grace.ask('DELETE', `/v1/me/friends/${ada.id}`)
  await isHidden(grace, 'the friendship ended')
  await befriend(ada, grace)
  t.equal((await seenBy(grace)).statusCode, 200)

  await ada.ask('PUT', `/v1/me/blocks/${grace.id}`)
  await isHidden(grace, 'blocked')
  await ada.ask('DELETE', `/v1/me/blocks/${grace.id}`)
  await isHidden(grace, 'no longer blocked, and no longer friends')
  await befriend(grace, ada)
  await grace.ask('PUT', `/v1/me/blocks/${ada.id}`)
  await isHidden(grace, 'blocks')
  t.equal(refusals.size, 1, 'no answer tells the reason')
})

test('a place that breaks a rule is refused, and the one before stays', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  await ada.ask('PUT', PATH, BERLIN)
  const wrong: Record<string, unknown[]> = {
    latitude: [undefined, null, '52', 90.0001, -91, [52], {}, true],
    longitude: [undefined, null, '13', 180.0001, -181, [13], {}, true],
    accuracy: [null, '5', -1, 1e300, 20_037_509, [], {}, false],
    label: [null, 5, '', ' ', 'x'.repeat(81), 'a\u0000b', 'a\uD800', 'a\u202Eb', 'a\nb', 'a\u200Bb', {}],
    shared: [undefined, null, 1, 0, 'true', 'on', [], {}],
    recordedAt: ['2026-01-01T00:00:00Z'],
    userId: [1],
  }
  for (const [field, values] of Object.entries(wrong))
    for (const value of values) {
      const reply = await ada.ask('PUT', PATH, { ...BERLIN, [field]: value })
      const name = `${field}: ${JSON.stringify(value)}`
      t.equal(reply.statusCode, 422, name)
      t.equal(reply.json().errors[0].pointer, `#/${field}`, name)
    }
  const huge = { authorization: `Bearer ${ada.token}`, 'content-type': 'application/json' }
  const payload = '{"latitude":1e400,"longitude":1,"shared":true}'
  t.equal((await opened.ask({ method: 'PUT', url: PATH, headers: huge, payload })).statusCode, 422)
  t.match((await ada.ask('GET', PATH)).json(), BERLIN)
})

test('a place is its member’s alone, and goes with the account', async (t) => {
  const opened = await openApp(t)
  const [ada, eve] = (await addMembers(opened, 'Ada', 'Eve')) as [TestMember, TestMember]
  await ada.ask('PUT', PATH, BERLIN)
  t.equal((await eve.ask('GET', PATH)).statusCode, 404)
  await eve.ask('DELETE', PATH)
  t.match((await ada.ask('GET', PATH)).json(), BERLIN)
  await ada.ask('DELETE', '/v1/me', LEAVING)
  t.strictSame(tableOf(opened.file, 'locations'), [])
})

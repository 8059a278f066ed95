import t from 'tap'
import { browseAs, linkTo } from '../support/browse.ts'
import { openApp } from '../support/harness.ts'
import { addMembers, addUsers } from '../support/members.ts'

/** Addresses of the buttons of a page, by what they say to those who hear them. */
function buttonsOf(body: string): Record<string, string> {
  const forms = body.matchAll(
    /<form method="post" action="([^"]*)" class="inline"><button [^>]*aria-label="([^"]*)"/g,
  )
  return Object.fromEntries(
    [...forms].map(([, action = '', label = '']) => [
      label,
      action.replaceAll('&#38;', '&').replaceAll('&#61;', '='),
    ]),
  )
}

/** The names of each list on the page of friends. */
function listsOf(body: string): Record<string, string[]> {
  const sections = body.split('<h2 id="').slice(1)
  return Object.fromEntries(
    sections.map((section) => [
      section.slice(0, section.indexOf('"')),
      [...section.matchAll(/href="\/app\/users\/\d+">([^<]*)</g)].map(([, name = '']) => name),
    ]),
  )
}

t.test('two people become friends and part again, and come back to where they were', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const bob = await browseAs(opened, 'Bob')

  const profile = await ada.get(`/app/users/${bob.id}`)
  t.match(profile.body, 'You and Bob are not friends yet.')
  const asked = await ada.post(buttonsOf(profile.body)['Ask to be friends with Bob'] as string)
  t.equal(asked.path, `/app/users/${bob.id}`)
  t.match(asked.body, 'You asked Bob on')
  t.strictSame(Object.keys(buttonsOf(asked.body)), ['Cancel request to Bob', 'Block Bob'])
  t.strictSame(listsOf((await ada.get('/app/friends')).body), {
    incoming: [],
    friends: [],
    outgoing: ['Bob'],
    blocks: [],
  })

  const waiting = await bob.get('/app/friends')
  t.strictSame(listsOf(waiting.body).incoming, ['Ada'])
  const accepted = await bob.post(buttonsOf(waiting.body)['Accept the request of Ada'] as string)
  t.equal(accepted.path, '/app/friends')
  t.strictSame(listsOf(accepted.body), { incoming: [], friends: ['Ada'], outgoing: [], blocks: [] })
  t.match((await ada.get(`/app/users/${bob.id}`)).body, 'You and Bob have been friends since')

  const parted = await bob.post(buttonsOf(accepted.body)['Unfriend Ada'] as string)
  t.strictSame(listsOf(parted.body).friends, [])
  t.match(parted.body, 'You have no friends here yet.')
})

t.test('a request is declined, and one is cancelled', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const bob = await browseAs(opened, 'Bob')
  await ada.post(`/app/friends/${bob.id}/request`)
  const asked = await bob.get(`/app/users/${ada.id}`)
  t.match(asked.body, 'Ada asked you on')
  const declined = await bob.post(buttonsOf(asked.body)['Decline the request of Ada'] as string)
  t.match(declined.body, 'You and Ada are not friends yet.')

  const again = await ada.post(`/app/friends/${bob.id}/request`)
  t.equal(again.path, '/app/friends')
  const cancelled = await ada.post(buttonsOf(again.body)['Cancel request to Bob'] as string)
  t.strictSame(listsOf(cancelled.body).outgoing, [])
})

t.test('a blocked member is named to the blocker only, who can unblock', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const bob = await browseAs(opened, 'Bob')
  const blocked = await ada.post(
    buttonsOf((await ada.get(`/app/users/${bob.id}`)).body)['Block Bob'] as string,
  )
  t.equal(blocked.path, `/app/users/${bob.id}`)
  t.match(blocked.body, 'You have blocked Bob since')
  t.notMatch(blocked.body, 'Friends in common')
  const hidden = await bob.get(`/app/users/${ada.id}`)
  t.equal(hidden.status, 404)
  t.notMatch(hidden.body, 'Ada')

  // Both block: each still finds the own block, and nobody else's.
  await bob.post(`/app/friends/${ada.id}/block`)
  const listed = await ada.get('/app/friends')
  t.strictSame(listsOf(listed.body).blocks, ['Bob'])
  const unblocked = await ada.post(buttonsOf(listed.body)['Unblock Bob'] as string)
  t.match(unblocked.body, 'You have blocked nobody.')
  t.equal((await ada.get(`/app/users/${bob.id}`)).status, 404)
})

t.test('the page of a member shows friends in common, and oneself without buttons', async (t) => {
  const opened = await openApp(t)
  const [ada, bob, eve] = [
    await browseAs(opened, 'Ada'),
    await browseAs(opened, 'Bob'),
    await browseAs(opened, 'Eve'),
  ]
  for (const other of [ada, bob]) {
    await other.post(`/app/friends/${eve.id}/request`)
    await eve.post(`/app/friends/${other.id}/request`)
  }
  const profile = await ada.get(`/app/users/${bob.id}`)
  t.match(
    profile.body,
    `<h2>Friends in common</h2>\n<ul class="rows"><li><a href="/app/users/${eve.id}">Eve</a>`,
  )
  t.strictSame(buttonsOf((await ada.get(`/app/users/${ada.id}`)).body), {})
  t.equal((await ada.get('/app/users/999')).status, 404)
})

t.test('the place of a friend is linked while it is shared, and of nobody else', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const [bob] = await addMembers(opened, 'Bob')
  const place = { latitude: 51.5, longitude: -0.1, shared: true }
  await bob!.ask('PUT', '/v1/me/location', place)
  const placeOfBob = async () => linkTo((await ada.get(`/app/users/${bob!.id}`)).body, 'Where Bob is')
  t.equal(await placeOfBob(), undefined)
  await ada.post(`/app/friends/${bob!.id}/request`)
  await bob!.ask('PUT', `/v1/me/friends/${ada.id}`)
  t.equal(await placeOfBob(), `/app/users/${bob!.id}/location`)
  await bob!.ask('PUT', '/v1/me/location', { ...place, shared: false })
  t.equal(await placeOfBob(), undefined)
})

t.test('each list goes on by itself', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const others = await addUsers(
    opened.db,
    Array.from({ length: 120 }, (_, index) => `Member ${index}`),
  )
  for (const { id } of others.slice(0, 60)) await ada.post(`/app/friends/${id}/block`)
  for (const { id } of others.slice(60)) await ada.post(`/app/friends/${id}/request`)
  const section = (body: string, id: string) => body.slice(body.indexOf(`<h2 id="${id}"`))
  const first = await ada.get('/app/friends')
  const blocks = await ada.get(linkTo(section(first.body, 'blocks'), 'Next page') as string)
  t.strictSame([listsOf(blocks.body).blocks?.length, listsOf(blocks.body).outgoing?.length], [10, 50])
  const both = await ada.get(linkTo(section(blocks.body, 'outgoing'), 'Next page') as string)
  t.strictSame([listsOf(both.body).blocks?.length, listsOf(both.body).outgoing?.length], [10, 10])
  const back = await ada.get(linkTo(section(both.body, 'blocks'), 'First page') as string)
  t.strictSame([listsOf(back.body).blocks?.length, listsOf(back.body).outgoing?.length], [50, 10])

  // A button of a later page comes back to it.
  const [label] = Object.keys(buttonsOf(section(both.body, 'blocks')))
  const unblocked = await ada.post(buttonsOf(both.body)[label as string] as string)
  t.strictSame([listsOf(unblocked.body).blocks?.length, listsOf(unblocked.body).outgoing?.length], [9, 10])
})

t.test('what cannot be done is told on a page with a way back', async (t) => {
  const opened = await openApp(t, { config: { pendingRequestsMax: 1 } })
  const ada = await browseAs(opened, 'Ada')
  const [bob, eve] = await addUsers(opened.db, ['Bob', 'Eve'])
  await ada.post(`/app/friends/${bob?.id}/request`)
  const refused = await ada.post(`/app/friends/${eve?.id}/request?next=/app/users/${eve?.id}`)
  t.equal(refused.status, 409)
  t.match(refused.body, 'Wait for an answer to your requests, or cancel one.')
  t.equal(linkTo(refused.body, 'Back'), `/app/users/${eve?.id}`)
  t.equal((await ada.post(`/app/friends/${ada.id}/request`)).status, 422)
  t.equal((await ada.post('/app/friends/999/block')).status, 404)
})

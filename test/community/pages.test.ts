import t from 'tap'
import { browseAs, linkTo } from '../support/browse.ts'
import { openApp } from '../support/harness.ts'
import { addUsers } from '../support/members.ts'

/** Names of the members on the page, in its order. */
const namesIn = (body: string) =>
  [...body.matchAll(/href="\/app\/users\/\d+">([^<]*)</g)].map(([, name]) => name)

t.test('everybody stands on pages of fifty, newest first, with a way on and back', async (t) => {
  const opened = await openApp(t)
  const names = Array.from({ length: 120 }, (_, index) => `Member ${index}`)
  await addUsers(opened.db, names)
  const ada = await browseAs(opened, 'Ada')
  const first = await ada.get('/app/community')
  t.equal(first.status, 200)
  t.notOk(linkTo(first.body, 'First page'))
  const second = await ada.get(linkTo(first.body, 'Next page') as string)
  const third = await ada.get(linkTo(second.body, 'Next page') as string)
  t.notOk(linkTo(third.body, 'Next page'))
  t.equal(linkTo(third.body, 'First page'), '/app/community')
  t.strictSame(
    [first, second, third].flatMap(({ body }) => namesIn(body)),
    ['Ada', ...names.reverse()],
  )
})

t.test('a search finds the start of a name and sorts by it, also over pages', async (t) => {
  const opened = await openApp(t)
  const names = Array.from({ length: 60 }, (_, index) => `Kim ${String(index).padStart(2, '0')}`)
  await addUsers(opened.db, ['Bob', ...names])
  const ada = await browseAs(opened, 'Ada')
  const found = await ada.get('/app/community?q=KIM&sort=joined')
  t.match(found.body, 'value="KIM"')
  const more = await ada.get(linkTo(found.body, 'Next page') as string)
  t.strictSame([...namesIn(found.body), ...namesIn(more.body)], names)
  t.strictSame(namesIn((await ada.get('/app/community?q=&sort=name')).body).slice(0, 2), ['Ada', 'Bob'])

  const none = await ada.get('/app/community?q=%3Ci%3E&sort=name')
  t.match(none.body, 'No name starts with “&#60;i&#62;”')
  t.notMatch(none.body, '<i>')
})

t.test('a search that cannot be one is shown again with its error', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const blank = await ada.get('/app/community?q=%20')
  t.equal(blank.status, 422)
  t.match(blank.body, /id="q-error">must have a visible character</)
  t.equal((await ada.get(`/app/community?q=${'x'.repeat(81)}`)).status, 422)
  t.equal((await ada.get('/app/community?q=a&q=b')).status, 422)
  const cursor = await ada.get('/app/community?cursor=abc')
  t.equal(cursor.status, 400)
  t.match(cursor.body, '<form class="search"')
})

t.test('the full listing shows everybody, and goes on in the pages above its limit', async (t) => {
  const opened = await openApp(t, { config: { fullListingMaxRows: 60 } })
  await addUsers(
    opened.db,
    Array.from({ length: 99 }, (_, index) => `Member ${index}`),
  )
  const ada = await browseAs(opened, 'Ada')
  const full = await ada.get('/app/community/full')
  t.equal(namesIn(full.body).length, 60)
  const rest = await ada.get(linkTo(full.body, 'The older members, page by page') as string)
  t.strictSame(namesIn(rest.body).at(-1), 'Member 0')
  t.equal(namesIn(rest.body).length, 40)
})

import t from 'tap'
import { SessionStore } from '../../src/sessions/session-store.ts'
import { browse, browseAs, linkTo } from '../support/browse.ts'
import { openApp, PASSWORD } from '../support/harness.ts'
import { tableOf } from '../support/members.ts'

const SESSIONS = '/app/account/sessions'

/** Addresses of the buttons that end a session, in the order of the list. */
const endings = (body: string) =>
  [...body.matchAll(/action="([^"]*\/end[?"][^"]*)"/g)].map(([, action = '']) =>
    action.replaceAll('&#61;', '='),
  )

t.test('a member sees where they are logged in, and ends one session', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const elsewhere = browse(opened.app)
  await elsewhere.post('/app/log-in', { email: ada.email, password: PASSWORD })
  await opened.ask({ method: 'POST', url: '/v1/sessions', payload: { email: ada.email, password: PASSWORD } })

  const list = await ada.get(SESSIONS)
  t.equal(list.body.match(/<li><span>This browser\. </g)?.length, 1)
  t.match(list.body, 'A script with a token. ')
  const [own, other] = endings(list.body) as [string, string, string]
  const ended = await ada.post(other)
  t.equal(ended.path, SESSIONS)
  t.equal(endings(ended.body).length, 2)
  t.match((await elsewhere.get('/app')).body, 'A small community')
  t.equal((await ada.post(other)).path, SESSIONS, 'one that has ended ends again')

  const out = await ada.post(own)
  t.equal(out.path, '/app')
  t.match(out.body, 'A small community')
})

t.test("nobody ends another member's session", async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const eve = await browseAs(opened, 'Eve')
  const [own] = endings((await ada.get(SESSIONS)).body)
  await eve.post(own as string)
  t.match((await ada.get('/app')).body, 'Hello, Ada')
})

t.test('all sessions end at once', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  await opened.ask({ method: 'POST', url: '/v1/sessions', payload: { email: ada.email, password: PASSWORD } })
  t.match((await ada.post(`${SESSIONS}/end-all`)).body, 'A small community')
  t.equal(tableOf(opened.file, 'sessions').length, 0)
})

t.test('many sessions stand on pages, and an end comes back to its page', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const sessions = new SessionStore(opened.db, opened.config)
  await opened.db.transaction().execute(async (tx) => {
    for (let made = 0; made < 54; made++) await sessions.create(tx, ada.id, 'cookie')
  })
  const next = linkTo((await ada.get(SESSIONS)).body, 'Next page') as string
  const second = await ada.get(next)
  t.equal(endings(second.body).length, 5)
  const ended = await ada.post(endings(second.body)[0] as string)
  t.equal(ended.path, next)
  t.equal(endings(ended.body).length, 4)
})

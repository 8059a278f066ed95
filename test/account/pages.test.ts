import t from 'tap'
import { browse, browseAs } from '../support/browse.ts'
import { openApp, PASSWORD, signUp } from '../support/harness.ts'
import { tableOf } from '../support/members.ts'

const NEW_PASSWORD = 'an otter plays the bassoon at noon'

t.test('a name is changed without the password, and an address with it', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const form = await ada.get('/app/account')
  t.match(form.body, 'value="Ada"')
  t.match(form.body, `value="${ada.email}"`)
  for (const name of ['password', 'delete'])
    t.match(
      (await ada.get(`/app/account/${name}`)).body,
      '<p><a href="/app/account">Your account</a></p>',
      name,
    )

  const unchanged = { name: 'Ada', email: ada.email, currentPassword: '' }
  t.match((await ada.post('/app/account', unchanged)).body, /role="status">Nothing was changed\./)
  const renamed = await ada.post('/app/account', { ...unchanged, name: 'Ada Lovelace' })
  t.match(renamed.body, /role="status">Your name and e-mail address are saved\./)
  t.match(renamed.body, 'value="Ada Lovelace"')

  const change = { name: 'Ada L.', email: 'lovelace@example.com' }
  const without = await ada.post('/app/account', { ...change, currentPassword: '' })
  t.equal(without.status, 422)
  t.match(without.body, /id="currentPassword-error">must be present</)
  t.match(without.body, '<a href="#currentPassword">Current password</a> must be present')
  t.match(without.body, 'value="Ada L."', 'what was typed is kept')
  const wrong = await ada.post('/app/account', { ...change, currentPassword: 'not this one at all' })
  t.equal(wrong.status, 403)
  t.match(wrong.body, /id="currentPassword-error">is wrong</)
  t.notMatch(wrong.body, 'not this one at all')
  t.match((await ada.get('/app/account')).body, 'value="Ada Lovelace"')

  const moved = await ada.post('/app/account', { ...change, currentPassword: PASSWORD })
  t.match(moved.body, 'value="lovelace@example.com"')
})

t.test('an address that has an account, and a name that is none, are told at their fields', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const bob = await browseAs(opened, 'Bob')
  const taken = await ada.post('/app/account', { name: 'Ada', email: bob.email, currentPassword: PASSWORD })
  t.equal(taken.status, 409)
  t.match(taken.body, /id="email-error">has an account</)
  const blank = await ada.post('/app/account', { name: ' ', email: ada.email, currentPassword: '' })
  t.equal(blank.status, 422)
  t.match(blank.body, /id="name-error">/)
})

t.test('a new password ends every other session and starts this one anew', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  const elsewhere = browse(opened.app)
  await elsewhere.post('/app/log-in', { email: ada.email, password: PASSWORD })

  const short = await ada.post('/app/account/password', { currentPassword: PASSWORD, newPassword: 'short' })
  t.equal(short.status, 422)
  t.match(short.body, /id="newPassword-error">must have 15 to 128 characters</)
  t.match((await elsewhere.get('/app')).body, 'Hello, Ada')

  const changed = await ada.post('/app/account/password', {
    currentPassword: PASSWORD,
    newPassword: NEW_PASSWORD,
  })
  t.equal(changed.path, '/app/account?done=password')
  t.match(changed.body, 'Your password is changed.')
  t.match((await elsewhere.get('/app')).body, 'A small community')
  t.equal(tableOf(opened.file, 'sessions').length, 1)
  const again = await elsewhere.post('/app/log-in', { email: ada.email, password: NEW_PASSWORD })
  t.match(again.body, 'Hello, Ada')
})

t.test('an account is deleted with its password only, after a page that asks', async (t) => {
  const opened = await openApp(t)
  const ada = await browseAs(opened, 'Ada')
  t.match((await ada.get('/app/account/delete')).body, 'Delete my account for good')
  const wrong = await ada.post('/app/account/delete', { currentPassword: 'not this one at all' })
  t.equal(wrong.status, 403)
  t.equal(tableOf(opened.file, 'users').length, 1)
  const gone = await ada.post('/app/account/delete', { currentPassword: PASSWORD })
  t.match(gone.body, 'Your account is deleted')
  t.equal(tableOf(opened.file, 'users').length, 0)
  t.equal((await ada.get('/app/account')).path, '/app/log-in?next=%2Fapp%2Faccount')
})

t.test('attempts at the current password are limited, and the form tells it', async (t) => {
  const opened = await openApp(t, { config: { accountLimitPerMinute: 1 } })
  const ada = await browseAs(opened, 'Ada')
  await ada.post('/app/account/delete', { currentPassword: 'not this one at all' })
  const limited = await ada.post('/app/account/delete', { currentPassword: PASSWORD })
  t.equal(limited.status, 429)
  t.match(limited.body, 'Too many attempts; try again later.')
  t.equal(tableOf(opened.file, 'users').length, 1)
})

t.test('the page does not put the new token of a script into a cookie', async (t) => {
  const opened = await openApp(t)
  const ada = await signUp(opened, 'Ada')
  const { send } = browse(opened.app)
  const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
  const bearer = { authorization: `Bearer ${ada.token}` }
  const reply = await send('POST', '/app/account/password', change, bearer)
  t.equal(reply.headers.location, '/app/log-in')
  t.notOk(reply.headers['set-cookie'])
  t.equal((await ada.ask('GET', '/v1/me')).statusCode, 200, 'the session goes on')
})

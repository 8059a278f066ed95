import { test } from 'tap'
import { openApp, signUp } from '../support/harness.ts'

test('who signs up with ADMIN_EMAIL is an administrator, in any letter case and Unicode form', async (t) => {
  for (const [adminEmail, email] of [
    ['Ada@Example.com', 'ada@example.COM'],
    ['straße@bücher.example', 'STRASSE@xn--bcher-kva.example'],
  ] as const) {
    const opened = await openApp(t, { config: { adminEmail } })
    const eve = await signUp(opened, 'Eve', 'eve@example.com')
    t.equal((await eve.ask('GET', '/v1/admin/statistics')).statusCode, 403)
    const ada = await signUp(opened, 'Ada', email)
    t.equal((await ada.ask('GET', '/v1/admin/statistics')).statusCode, 200, email)
  }
})

test('nobody becomes an administrator by a change of address, or without the setting', async (t) => {
  const opened = await openApp(t, { config: { adminEmail: 'ada@example.com' } })
  const eve = await signUp(opened, 'Eve')
  const change = { email: 'ada@example.com', currentPassword: 'correct horse battery staple' }
  t.equal((await eve.ask('PATCH', '/v1/me', change)).statusCode, 200)
  t.equal((await eve.ask('GET', '/v1/admin/statistics')).statusCode, 403)

  const unset = await openApp(t)
  const ada = await signUp(unset, 'Ada')
  t.equal((await ada.ask('GET', '/v1/admin/statistics')).statusCode, 403)
})

import { type Test, test } from 'tap'
import { type OpenedApp, openApp } from '../support/harness.ts'
import { addMembers, setAdministrator, type TestMember } from '../support/members.ts'
import { exampleOf, type Operation, operationsOf } from '../support/operations.ts'

/** Every operation below /v1/admin, from the document that the service gives. */
function administration({ app }: OpenedApp): Operation[] {
  return operationsOf(app.swagger()).filter(({ template }) => template.startsWith('/v1/admin/'))
}

async function refusedBy(
  t: Test,
  opened: OpenedApp,
  asking: (method: Operation['method'], url: string, body?: object) => ReturnType<TestMember['ask']>,
  expected: { statusCode: number; type: string },
  who: string,
): Promise<void> {
  const operations = administration(opened)
  t.ok(operations.length > 1)
  for (const { method, pathWith, body } of operations) {
    const url = pathWith(() => '1')
    // A body that would be taken: the refusal must come before any look at it, and without a trace in the tables.
    for (const payload of body === undefined ? [undefined] : [exampleOf(body) as object, { wrong: true }]) {
      const reply = await asking(method, url, payload)
      t.equal(reply.statusCode, expected.statusCode, `${who}: ${method} ${url}`)
      t.equal(reply.json().type, `/problems/${expected.type}`, `${who}: ${method} ${url}`)
    }
  }
}

test('everything below /v1/admin is for administrators, with the session and for as long as they are', async (t) => {
  const opened = await openApp(t)
  const [ada, eve, grace] = (await addMembers(opened, 'Ada', 'Eve', 'Grace')) as [
    TestMember,
    TestMember,
    TestMember,
  ]
  await setAdministrator(opened, ada)
  await setAdministrator(opened, grace)
  const unauthenticated = { statusCode: 401, type: 'unauthenticated' }
  const forbidden = { statusCode: 403, type: 'not-administrator' }

  await refusedBy(
    t,
    opened,
    (method, url, payload) => opened.ask({ method, url, ...(payload && { payload }) }),
    unauthenticated,
    'nobody',
  )
  await refusedBy(t, opened, eve.ask, forbidden, 'a member')
  t.equal((await grace.ask('GET', '/v1/admin/statistics')).statusCode, 200)
  t.equal((await grace.ask('DELETE', '/v1/sessions/current')).statusCode, 204)
  await refusedBy(t, opened, grace.ask, unauthenticated, 'an administrator whose session has ended')
  t.equal((await ada.ask('GET', '/v1/admin/statistics')).statusCode, 200)
  await setAdministrator(opened, ada, 0)
  await refusedBy(t, opened, ada.ask, forbidden, 'an administrator of before')
})

test('members do not see who is an administrator', async (t) => {
  const opened = await openApp(t)
  const [ada, eve] = (await addMembers(opened, 'Ada', 'Eve')) as [TestMember, TestMember]
  await setAdministrator(opened, ada)
  for (const member of [ada, eve])
    for (const url of ['/v1/me', '/v1/community', `/v1/users/${ada.id}`])
      t.notMatch((await member.ask('GET', url)).body, /admin/i, url)
})

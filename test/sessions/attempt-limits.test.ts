import { test } from 'tap'
import type { Config } from '../../src/config.ts'
import { type OpenedApp, openApp, PASSWORD } from '../support/harness.ts'
import { addMembers, type TestMember } from '../support/members.ts'

const ADDRESS = '192.0.2.1'

/** Each route that tries a password, with a wrong one. */
const TRIES = {
  'log-in': {
    method: 'POST',
    url: '/v1/sessions',
    body: ({ email }) => ({ email: email.toUpperCase(), password: 'wrong' }),
    wrong: 401,
  },
  'log-in with a cookie': {
    method: 'POST',
    url: '/v1/sessions/cookie',
    body: ({ email }) => ({ email, password: 'wrong' }),
    wrong: 401,
  },
  'new address': {
    method: 'PATCH',
    url: '/v1/me',
    body: () => ({ email: 'new@example.com', currentPassword: 'wrong' }),
    wrong: 403,
  },
  'new password': {
    method: 'PUT',
    url: '/v1/me/password',
    body: () => ({ currentPassword: 'wrong', newPassword: `${PASSWORD}!` }),
    wrong: 403,
  },
  deletion: { method: 'DELETE', url: '/v1/me', body: () => ({ currentPassword: 'wrong' }), wrong: 403 },
} satisfies Record<
  string,
  {
    method: 'POST' | 'PATCH' | 'PUT' | 'DELETE'
    url: string
    body(member: { email: string }): object
    wrong: number
  }
>

type Way = keyof typeof TRIES
const WAYS = Object.keys(TRIES) as Way[]

const open = (t: Parameters<typeof openApp>[0], config: Partial<Config>) =>
  openApp(t, { config: { trustProxy: '127.0.0.1', ...config } })

async function member(opened: OpenedApp): Promise<TestMember> {
  return (await addMembers(opened, 'Ada'))[0] as TestMember
}

async function attempt(
  { ask }: OpenedApp,
  member: Pick<TestMember, 'email' | 'token'>,
  way: Way,
  address = ADDRESS,
) {
  const { method, url, body } = TRIES[way]
  const headers = {
    'x-forwarded-for': address,
    'sec-fetch-site': 'same-origin',
    ...(method !== 'POST' && { authorization: `Bearer ${member.token}` }),
  }
  return ask({ method, url, headers, payload: body(member) })
}

test('whichever route tries a password of an account, they share one count', async (t) => {
  const opened = await open(t, { accountLimitPerMinute: WAYS.length })
  // Log-ins and the routes of the account had one each, so that five a minute were ten.
  for (const last of WAYS) {
    const ada = await member(opened)
    for (const way of WAYS) t.equal((await attempt(opened, ada, way)).statusCode, TRIES[way].wrong, way)
    const refused = await attempt(opened, ada, last)
    t.match(refused.json(), { status: 429, type: '/problems/rate-limited' }, `${last}, one too many`)
    t.match(refused.headers['retry-after'], /^\d+$/)
    t.equal((await attempt(opened, ada, last, '192.0.2.2')).statusCode, TRIES[last].wrong, 'from elsewhere')
  }
})

test('whichever route tries a password, those from one address share one count', async (t) => {
  const opened = await open(t, { loginLimitPerMinute: WAYS.length })
  const [ada, eve] = [await member(opened), await member(opened)]
  // A change of the e-mail address was not counted.
  for (const [index, last] of WAYS.entries()) {
    const address = `198.51.100.${index}`
    for (const way of WAYS)
      t.equal((await attempt(opened, ada, way, address)).statusCode, TRIES[way].wrong, way)
    t.equal((await attempt(opened, eve, last, address)).statusCode, 429, `${last} of another account`)
  }
  t.equal((await attempt(opened, eve, 'log-in', '192.0.2.2')).statusCode, 401, 'from elsewhere')
})

test('from anywhere an account takes ten times what it takes from one address', async (t) => {
  const opened = await open(t, { accountLimitPerMinute: 1 })
  const ada = await member(opened)
  for (let i = 0; i < 10; i++) {
    const way = WAYS[i % WAYS.length] as Way
    t.equal((await attempt(opened, ada, way, `192.0.2.${i}`)).statusCode, TRIES[way].wrong)
  }
  for (const way of WAYS)
    t.equal((await attempt(opened, ada, way, '198.51.100.1')).statusCode, 429, `${way}, the eleventh`)
})

test('an account that is there and one that is not are refused alike', async (t) => {
  const opened = await open(t, { accountLimitPerMinute: 2 })
  const ada = await member(opened)
  const answers = []
  for (const email of [ada.email, 'nobody@example.com', 'no address at all']) {
    const own = []
    for (let i = 0; i < 3; i++) {
      const reply = await attempt(opened, { email, token: '' }, 'log-in')
      const { traceId, ...body } = reply.json()
      own.push([reply.statusCode, body, Object.keys(reply.headers).sort()])
    }
    t.strictSame(
      own.map(([status]) => status),
      [401, 401, 429],
    )
    answers.push(own)
  }
  for (const own of answers) t.strictSame(own, answers[0])
})

test('a new name tries no password, and is not counted', async (t) => {
  const opened = await open(t, { accountLimitPerMinute: 1, loginLimitPerMinute: 1 })
  const ada = await member(opened)
  for (const name of ['Ada L', 'Ada Lovelace'])
    t.equal((await ada.ask('PATCH', '/v1/me', { name })).statusCode, 200)
})

import { test } from 'tap'
import { idsOf, tableOf } from '../support/members.ts'
import { openPolls } from './open-polls.ts'

const PAST = '2001-02-03T04:05:06Z'
const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()

test('a poll is created as it was sent, and opens at once', async (t) => {
  const { root, ada, create } = await openPolls(t)
  const before = Date.now()
  const closesAt = inHours(1)
  const created = await create({
    question: '  Zoe\u0301, tea or coffee? ',
    choices: ['Tea', 'Coffee', '<b>Neither</b>'],
    description: 'One\r\ntwo',
    opensAt: PAST,
    closesAt,
    resultsShown: 'after-close',
  })
  t.match(created, {
    question: 'Zoé, tea or coffee?',
    description: 'One\ntwo',
    state: 'open',
    draft: false,
    closesAt,
    resultsShown: 'after-close',
    myVote: null,
  })
  t.strictSame(
    created.choices.map(({ text }) => text),
    ['Tea', 'Coffee', '<b>Neither</b>'],
  )
  t.ok(Date.parse(created.opensAt) >= before, 'an opening time that has passed means now')
  const { draft: _, ...seen } = created as typeof created & { draft: boolean }
  t.strictSame((await ada.ask('GET', `/v1/polls/${created.id}`)).json(), seen)
  const plain = await create()
  t.match(plain, { description: null, closesAt: null, resultsShown: 'after-vote' })
  const reply = await root.ask('POST', '/v1/admin/polls', { question: 'Which?', choices: ['A', 'B'] })
  t.equal(reply.headers.location, `/v1/polls/${reply.json().id}`)
})

test('before the first vote everything can change, and choices keep their ids', async (t) => {
  const { root, create, edit, vote, ada } = await openPolls(t)
  const poll = await create({ choices: ['Tea', 'Coffee', 'Water'] })
  const [tea, coffee, water] = idsOf(poll.choices)

  const texts = await edit(poll, { question: 'Which?', choices: ['Green tea', 'Coffee', 'Water'] })
  t.match(texts.json(), {
    question: 'Which?',
    choices: [{ id: tea, text: 'Green tea' }, { id: coffee }, { id: water }],
  })
  t.equal((await edit(poll, { choices: ['Green tea', 'Coffee'] })).json().choices.length, 2)
  const longer = (await edit(poll, { choices: ['Green tea', 'Coffee', 'Juice', 'Milk'] })).json()
  t.strictSame(idsOf(longer.choices.slice(0, 2)), [tea, coffee])
  t.notOk(
    idsOf(longer.choices).includes(water as number),
    'the id of a choice that is gone is not used again',
  )

  const moved = await edit(poll, {
    opensAt: inHours(1),
    closesAt: inHours(2),
    description: 'Soon',
    resultsShown: 'after-close',
  })
  t.match(moved.json(), { state: 'draft', draft: false, description: 'Soon', resultsShown: 'after-close' })
  t.match((await edit(poll, { opensAt: PAST, closesAt: null, description: null })).json(), {
    state: 'open',
    closesAt: null,
    description: null,
  })
  t.match((await edit(poll, { draft: true })).json(), { state: 'draft', draft: true })
  t.match((await edit(poll, { draft: false })).json(), { state: 'open', draft: false })
  t.match((await edit(poll, { closesAt: PAST })).json(), { state: 'closed' })
  t.match((await edit(poll, { closesAt: inHours(1) })).json(), { state: 'open' })

  await vote(ada, poll)
  await ada.ask('DELETE', `/v1/polls/${poll.id}/vote`)
  t.equal((await edit(poll, { question: 'What?' })).statusCode, 200, 'a vote that was taken back is none')
  t.equal((await root.ask('PATCH', '/v1/admin/polls/999', { question: 'What?' })).statusCode, 404)
})

test('a draft opens when it is published, and not before its time', async (t) => {
  const { create, edit, shift } = await openPolls(t)
  const draft = await create({ draft: true })
  await shift(draft, { opens_at: 1 })
  const before = Date.now()
  const published = (await edit(draft, { draft: false })).json()
  t.ok(Date.parse(published.opensAt) >= before)
  t.equal(published.state, 'open')

  const opensAt = inHours(1)
  const scheduled = await create({ draft: true, opensAt })
  t.match((await edit(scheduled, { draft: false })).json(), { state: 'draft', draft: false, opensAt })

  const late = await create({ draft: true })
  await shift(late, { opens_at: 1, closes_at: 2 })
  t.equal((await edit(late, { question: 'Still a draft?' })).statusCode, 200)
  t.match((await edit(late, { draft: false })).json(), { status: 422, errors: [{ pointer: '#/closesAt' }] })
})

test('after the first vote nothing changes that was voted on', async (t) => {
  const { ada, create, edit, vote, file } = await openPolls(t)
  const poll = await create({ resultsShown: 'after-close' })
  await vote(ada, poll)
  const refused: Record<string, object> = {
    question: { question: 'Coffee or tea?' },
    choices: { choices: ['Coffee', 'Tea'] },
    opensAt: { opensAt: inHours(1) },
    draft: { draft: true },
    resultsShown: { resultsShown: 'after-vote' },
  }
  const before = tableOf(file, 'polls')
  for (const [field, change] of Object.entries(refused)) {
    const reply = await edit(poll, { description: 'New', ...change })
    t.match(reply.json(), { type: '/problems/poll-has-votes', errors: [{ pointer: `#/${field}` }] }, field)
  }
  t.match(
    (await edit(poll, { question: 'What?', choices: ['A', 'B'] })).json().errors,
    [{ pointer: '#/question' }, { pointer: '#/choices' }],
    'all of them are named',
  )
  t.strictSame(tableOf(file, 'polls'), before)

  const { question, opensAt, resultsShown } = poll
  const same = await edit(poll, { question, choices: ['Tea', 'Coffee'], opensAt, resultsShown, draft: false })
  t.equal(same.statusCode, 200, 'what stays as it is can be sent')
  t.match((await edit(poll, { description: 'New', closesAt: inHours(1) })).json(), { description: 'New' })
  t.match((await edit(poll, { closesAt: null })).json(), { closesAt: null })
  const closed = (await edit(poll, { closesAt: PAST })).json()
  t.equal(closed.state, 'closed')
  for (const closesAt of [PAST, closed.closesAt])
    t.equal((await edit(poll, { closesAt })).json().closesAt, closed.closesAt, 'it closed when it closed')
  for (const closesAt of [inHours(1), null])
    t.match((await edit(poll, { closesAt })).json(), { status: 409, errors: [{ pointer: '#/closesAt' }] })

  const shown = await create({ resultsShown: 'after-vote' })
  await vote(ada, shown)
  t.match((await edit(shown, { resultsShown: 'after-close' })).json(), { resultsShown: 'after-close' })
})

test('as many polls may be open or drafts as the setting says', async (t) => {
  const { root, ada, create, edit, vote } = await openPolls(t, { config: { openPollsMax: 3 } })
  const [open] = [await create(), await create({ draft: true }), await create({ opensAt: inHours(1) })]
  const fourth = () => root.ask('POST', '/v1/admin/polls', { question: 'One more?', choices: ['Yes', 'No'] })
  t.match((await fourth()).json(), { type: '/problems/too-many-open-polls', status: 409, max: 3 })
  await edit(open, { closesAt: PAST })
  t.equal((await fourth()).statusCode, 201)
  t.match((await edit(open, { closesAt: null })).json(), { type: '/problems/too-many-open-polls', max: 3 })
  t.equal((await vote(ada, open)).statusCode, 409)

  const racing = await Promise.all(Array.from({ length: 8 }, fourth))
  t.strictSame([...new Set(racing.map(({ statusCode }) => statusCode))], [409])
})

const WRONG: Record<string, unknown[]> = {
  question: [
    '',
    '   ',
    'x'.repeat(201),
    '?',
    'a\u0000b',
    'a\nb',
    'a\u202Eb',
    'a\u200Bb',
    'a\uD800',
    5,
    null,
    ['x'],
  ],
  description: ['', ' \n ', 'x'.repeat(1001), 'a\u0000b', 'a\u2067b', 'a\tb', 'a\uD800', 5, true],
  choices: [
    [],
    ['Tea'],
    Array.from({ length: 21 }, (_, index) => `Choice ${index}`),
    ['Tea', ''],
    ['Tea', 'TEA'],
    ['Tea', ' Tea '],
    ['Tea', 'x'.repeat(101)],
    ['Tea', 'a\u202Eb'],
    ['Tea', 'a\nb'],
    ['Tea', null],
    ['Tea', 5],
    ['Tea', { text: 'Coffee' }],
    'Tea',
    { 0: 'Tea', 1: 'Coffee' },
    null,
  ],
  opensAt: [
    '',
    'now',
    '2026-11-29',
    '2026-02-30T00:00:00Z',
    '2026-12-31T23:59:60Z',
    '9999-06-01T00:00:00Z',
    5,
    null,
  ],
  closesAt: [
    '',
    'never',
    '2026-02-30T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
    '1969-12-31T23:59:59Z',
    PAST,
    5,
    true,
  ],
  draft: ['true', 1, null],
  resultsShown: ['always', '', 5, null],
  choiceId: [5],
  id: [5],
  seedNumber: [1],
}

test('a poll with a field that breaks a rule is refused and writes nothing', async (t) => {
  const { root, create, edit, file } = await openPolls(t)
  const poll = await create({ draft: true })
  const before = [tableOf(file, 'polls'), tableOf(file, 'poll_choices')]
  for (const [field, values] of Object.entries(WRONG))
    for (const value of values) {
      const title = `${field}: ${JSON.stringify(value)
        ?.slice(0, 40)
        .replaceAll(/[^ -~]/g, '_')}`
      const created = await root.ask('POST', '/v1/admin/polls', {
        question: 'Tea or coffee?',
        choices: ['Tea', 'Coffee'],
        [field]: value,
      })
      t.equal(created.statusCode, 422, title)
      t.match(created.json().errors?.[0]?.pointer, new RegExp(`^#/${field}`), title)
      t.equal((await edit(poll, { [field]: value })).statusCode, 422, `edit, ${title}`)
    }
  for (const field of ['question', 'choices']) {
    const whole: Record<string, unknown> = { question: 'Tea or coffee?', choices: ['Tea', 'Coffee'] }
    delete whole[field]
    t.equal((await root.ask('POST', '/v1/admin/polls', whole)).statusCode, 422, `${field} missing`)
  }
  t.equal((await edit(poll, {})).statusCode, 422)
  t.strictSame([tableOf(file, 'polls'), tableOf(file, 'poll_choices')], before)
})

test('members cannot touch the polls of administrators', async (t) => {
  const { ada, ask, create } = await openPolls(t)
  const poll = await create({ draft: true })
  const body = { question: 'Mine?', choices: ['Yes', 'No'] }
  for (const [method, url, payload] of [
    ['GET', '/v1/admin/polls', undefined],
    ['POST', '/v1/admin/polls', body],
    ['PATCH', `/v1/admin/polls/${poll.id}`, body],
    ['DELETE', `/v1/admin/polls/${poll.id}`, undefined],
  ] as const) {
    t.match((await ada.ask(method, url, payload)).json(), {
      type: '/problems/not-administrator',
      status: 403,
    })
    t.equal((await ask({ method, url, ...(payload && { payload }) })).statusCode, 401)
  }
})

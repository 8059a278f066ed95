import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { addMembers, LEAVING, tableOf } from '../support/members.ts'
import { countDefects, openPolls, type PollBody } from './open-polls.ts'

const HOUR_MS = 3_600_000

test('a member votes, changes the vote, and takes it back', async (t) => {
  const { ada, create, vote, file } = await openPolls(t)
  const poll = await create()
  const [tea, coffee] = poll.choices
  const seen = async () => (await ada.ask('GET', `/v1/polls/${poll.id}`)).json<PollBody>().myVote
  t.equal(await seen(), null)

  const first = await vote(ada, poll, 0)
  t.equal(first.statusCode, 201)
  t.match(first.json(), { pollId: poll.id, choiceId: tea?.id, votedAt: String })
  t.equal(await seen(), tea?.id)

  await sleep(2)
  const again = await vote(ada, poll, 0)
  t.equal(again.statusCode, 200)
  t.strictSame(again.json(), first.json(), 'the same choice again changes nothing')

  const changed = await vote(ada, poll, 1)
  t.equal(changed.statusCode, 200)
  t.not(changed.json().votedAt, first.json().votedAt)
  t.equal(await seen(), coffee?.id)
  t.equal(tableOf(file, 'votes').length, 1)

  for (const _ of ['once', 'twice'])
    t.equal((await ada.ask('DELETE', `/v1/polls/${poll.id}/vote`)).statusCode, 204)
  t.equal(await seen(), null)
  t.equal((await vote(ada, poll, 0)).statusCode, 201, 'a vote that was taken back can be given again')
  t.strictSame(countDefects(file), [])
})

test('only a choice of the poll itself can be voted for', async (t) => {
  const { ada, create, file } = await openPolls(t)
  const [poll, other] = [await create(), await create()]
  for (const choiceId of [other.choices[0]?.id, 9_007_199_254_740_991]) {
    const reply = await ada.ask('PUT', `/v1/polls/${poll.id}/vote`, { choiceId })
    t.equal(reply.statusCode, 422)
    t.match(reply.json(), { type: '/problems/invalid', errors: [{ pointer: '#/choiceId' }] })
  }
  t.equal((await ada.ask('PUT', '/v1/polls/999/vote', { choiceId: 1 })).statusCode, 404)
  t.equal((await ada.ask('DELETE', '/v1/polls/999/vote')).statusCode, 404)
  t.strictSame(tableOf(file, 'votes'), [])
})

test('nobody votes before a poll opens or after it has closed', async (t) => {
  const { root, ada, grace, create, edit, vote, shift, file } = await openPolls(t)
  const draft = await create({ draft: true })
  const later = await create({ opensAt: new Date(Date.now() + HOUR_MS).toISOString() })
  for (const poll of [draft, later]) {
    t.equal(poll.state, 'draft')
    t.equal((await ada.ask('GET', `/v1/polls/${poll.id}`)).statusCode, 404, 'a member does not see it')
    t.equal((await vote(ada, poll)).statusCode, 404)
    t.equal((await ada.ask('DELETE', `/v1/polls/${poll.id}/vote`)).statusCode, 404)
    t.equal((await ada.ask('GET', `/v1/polls/${poll.id}/results`)).statusCode, 404)
    t.equal((await root.ask('GET', `/v1/polls/${poll.id}`)).json().state, 'draft')
    t.match((await vote(root, poll)).json(), { type: '/problems/poll-not-open', status: 409 })
  }
  await shift(later, { opens_at: Date.now() - 1 })
  t.equal((await vote(ada, later)).statusCode, 201, 'it opens by itself')

  const poll = await create()
  await vote(ada, poll, 0)
  t.equal((await edit(poll, { closesAt: '1999-12-31T23:59:59Z' })).json().state, 'closed')
  t.match((await vote(ada, poll, 1)).json(), { type: '/problems/poll-closed', status: 409 })
  t.equal((await vote(grace, poll, 1)).statusCode, 409)
  t.equal((await ada.ask('DELETE', `/v1/polls/${poll.id}/vote`)).statusCode, 409)
  t.equal((await ada.ask('GET', `/v1/polls/${poll.id}`)).json().myVote, poll.choices[0]?.id)
  t.strictSame(countDefects(file), [])
})

test('at the moment of closing a poll is closed', async (t) => {
  const { ada, create, vote, shift, file } = await openPolls(t)
  const poll = await create()
  t.equal((await vote(ada, poll)).statusCode, 201)
  const closes_at = Date.now() + 60
  await shift(poll, { closes_at })
  let refused = 0
  for (let choice = 0; refused < 3; choice = 1 - choice) {
    const status = (await vote(ada, poll, choice)).statusCode
    if (status === 409) refused++
    else if (refused > 0 || status !== 200) t.fail(`${status} after ${refused} refusals`)
    await sleep(1)
  }
  const [last] = tableOf(file, 'votes') as { voted_at: number }[]
  t.ok(last && last.voted_at < closes_at, `the last vote (${last?.voted_at}) came before it (${closes_at})`)
})

test('results are shown as the poll promises, and to administrators always', async (t) => {
  const { root, ada, grace, create, edit, vote } = await openPolls(t)
  const shown = await create()
  const hidden = await create({ resultsShown: 'after-close' })
  const results = (member: typeof ada, { id }: PollBody) => member.ask('GET', `/v1/polls/${id}/results`)
  for (const poll of [shown, hidden]) await vote(ada, poll, 1)

  t.strictSame((await results(ada, shown)).json(), {
    pollId: shown.id,
    total: 1,
    choices: shown.choices.map((choice, index) => ({ ...choice, votes: index })),
  })
  for (const [member, poll] of [
    [grace, shown],
    [ada, hidden],
    [grace, hidden],
  ] as const)
    t.match((await results(member, poll)).json(), { type: '/problems/results-hidden', status: 403 })
  for (const poll of [shown, hidden]) t.equal((await results(root, poll)).json().total, 1)

  await ada.ask('DELETE', `/v1/polls/${shown.id}/vote`)
  t.equal((await results(ada, shown)).statusCode, 403, 'a vote taken back shows nothing')
  for (const poll of [shown, hidden]) await edit(poll, { closesAt: '2020-01-01T00:00:00Z' })
  t.equal((await results(grace, shown)).json().total, 0)
  t.equal((await results(grace, hidden)).json().total, 1)
})

test('kept counts stay those of the votes when accounts and polls are deleted', async (t) => {
  const opened = await openPolls(t)
  const { root, create, vote, file } = opened
  const polls = [await create({ choices: ['a', 'b', 'c'] }), await create(), await create()] as const
  const voters = await addMembers(opened, ...Array.from({ length: 20 }, (_, index) => `Voter ${index}`))
  for (const [index, voter] of voters.entries())
    for (const poll of polls) await vote(voter, poll, index % poll.choices.length)
  t.equal(tableOf(file, 'votes').length, 60)
  t.strictSame(countDefects(file), [])

  for (const voter of voters.slice(0, 7)) await voter.ask('DELETE', '/v1/me', LEAVING)
  t.equal(tableOf(file, 'votes').length, 39)
  t.strictSame(countDefects(file), [], 'after accounts')
  t.equal((await root.ask('GET', `/v1/polls/${polls[0].id}/results`)).json().total, 13)

  t.equal((await root.ask('DELETE', `/v1/admin/polls/${polls[0].id}`)).statusCode, 204)
  t.equal((await root.ask('DELETE', `/v1/admin/polls/${polls[0].id}`)).statusCode, 404)
  t.equal((await root.ask('GET', `/v1/polls/${polls[0].id}`)).statusCode, 404)
  t.equal(tableOf(file, 'votes').length, 26)
  t.equal(tableOf(file, 'poll_choices').length, 4)
  t.strictSame(countDefects(file), [], 'after a poll')
  for (const voter of voters.slice(7)) await voter.ask('DELETE', '/v1/me', LEAVING)
  t.strictSame(tableOf(file, 'votes'), [])
  t.strictSame(countDefects(file), [], 'after everybody')
})

test('a poll with more votes than one statement deletes goes with all of them', async (t) => {
  const { root, db, create, file } = await openPolls(t)
  const [poll, other] = [await create(), await create()]
  const choice_id = poll.choices[0]?.id as number
  const { max } = await db
    .selectFrom('users')
    .select(({ fn }) => fn.max<number>('id').as('max'))
    .executeTakeFirstOrThrow()
  await db.transaction().execute(async (tx) => {
    for (let id = max + 1; id <= max + 4001; id++) {
      const row = { id, name: 'Voter', name_key: 'voter', email: `${id}`, email_key: `${id}` }
      await tx
        .insertInto('users')
        .values({ ...row, joined_at: 1, seed_number: id })
        .execute()
      await tx.insertInto('votes').values({ poll_id: poll.id, user_id: id, choice_id, voted_at: 1 }).execute()
    }
    await tx
      .insertInto('votes')
      .values({ poll_id: other.id, user_id: max + 1, choice_id: other.choices[1]?.id as number, voted_at: 1 })
      .execute()
  })
  t.equal((await root.ask('GET', `/v1/polls/${poll.id}/results`)).json().total, 4001)
  t.equal((await root.ask('DELETE', `/v1/admin/polls/${poll.id}`)).statusCode, 204)
  t.match(tableOf(file, 'votes'), [{ poll_id: other.id }])
  t.strictSame(countDefects(file), [])
})

import { test } from 'tap'
import { addMembers } from '../support/members.ts'
import { openPolls } from './open-polls.ts'
import { raceOfVotes } from './race.ts'

test('500 votes and changes of 50 members at once end in the counts of a ledger', async (t) => {
  const opened = await openPolls(t)
  const { root, create, file } = opened
  const poll = await create({ choices: ['Tea', 'Coffee', 'Water', 'Juice', 'Milk'] })
  const members = await addMembers(opened, ...Array.from({ length: 50 }, (_, index) => `Voter ${index}`))
  const voters = members.map(({ id, ask }) => ({
    id,
    async ask(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object) {
      const reply = await ask(method, path, body)
      return { status: reply.statusCode, body: reply.body }
    },
  }))
  const results = async () => (await root.ask('GET', `/v1/polls/${poll.id}/results`)).body
  await raceOfVotes(t, { file, voters, poll, results })
})

import type { Client } from './client.ts'
import { formKind, type Kind, kind, type Members, sender } from './kinds.ts'

interface Poll {
  readonly id: number
  readonly choices: readonly { readonly id: number }[]
}

export interface Polls {
  /** The first member, an administrator, has voted for its first choice; the second has not voted. */
  readonly open: Poll
  readonly closed: Poll
  /** Open too, for votes that come and go. */
  readonly changing: Poll
}

/** Polls as an administrator makes them; `done` is told of each request. */
export async function preparePolls(
  client: Client,
  { token }: Members,
  done: (kind: Kind, status: number) => void,
): Promise<Polls> {
  const send = sender(client, done)
  const headers = { authorization: `Bearer ${token}` }
  const create = async (question: string): Promise<Poll> => {
    const body = { question, choices: ['Yes', 'No', 'Perhaps'] }
    const ask = { method: 'POST', path: '/v1/admin/polls', headers, body }
    return JSON.parse((await send(kind('admin', '/v1/admin/polls', ask, { status: 201 }))).body)
  }
  const polls = {
    open: await create('Does it count?'),
    closed: await create('Did it count?'),
    changing: await create('Will it count?'),
  }
  await send(voteFor(headers, polls.open, 0, { status: 201 }))
  await send(voteFor(headers, polls.closed, 1, { status: 201 }))
  const close = { method: 'PATCH', path: `/v1/admin/polls/${polls.closed.id}`, headers }
  const body = { closesAt: new Date().toISOString() }
  await send(kind('admin', '/v1/admin/polls/:id', { ...close, body }))
  return polls
}

/** Reads, refusals, and a vote that is repeated. */
export function pollKinds({ token, friendsToken }: Members, { open, closed }: Polls): Record<string, Kind> {
  const headers = { authorization: `Bearer ${token}` }
  const friend = { authorization: `Bearer ${friendsToken}` }
  const get = (page: string, path: string, route = path, shape = {}, as = headers) =>
    kind(page, route, { path, headers: as }, { weight: 6, ...shape })
  const create = { method: 'POST', path: '/v1/admin/polls', headers: friend, body: {} }
  return {
    polls: get('polls', '/v1/polls'),
    'a poll': get('polls', `/v1/polls/${open.id}`, '/v1/polls/:id'),
    'unknown poll': get('polls', '/v1/polls/999999', '/v1/polls/:id', { status: 404, weight: 3 }),
    results: get('results', `/v1/polls/${closed.id}/results`, RESULTS),
    'results before the vote': get(
      'results',
      `/v1/polls/${open.id}/results`,
      RESULTS,
      { status: 403, weight: 3 },
      friend,
    ),
    'the same vote': voteFor(headers, open, 0),
    'vote, closed': voteFor(headers, closed, 0, { status: 409, weight: 3 }),
    'vote, not a choice of it': voteFor(headers, { id: open.id, choices: closed.choices }, 0, {
      status: 422,
      weight: 3,
    }),
    'polls of administrators': get('admin', '/v1/admin/polls', '/v1/admin/polls', { weight: 3 }),
    'create a poll, no administrator': kind('admin', '/v1/admin/polls', create, { status: 403, weight: 3 }),
    statistics: get('statistics', '/v1/admin/statistics', '/v1/admin/statistics', { weight: 3 }),
  }
}

/** Votes that come, change and go: the cost of one depends on the one before. */
export function changingVotes({ token, friendsToken }: Members, { changing }: Polls): Record<string, Kind> {
  const kinds = [token, friendsToken].flatMap((each, member) => {
    const headers = { authorization: `Bearer ${each}` }
    const retract = { method: 'DELETE', path: `/v1/polls/${changing.id}/vote`, headers }
    return [
      ...[0, 1].map((choice) => voteFor(headers, changing, choice, { status: [200, 201], weight: 5 })),
      kind('vote', VOTE, retract, { status: 204, weight: 2 }),
    ].map((each, index) => [`a changing vote ${member} ${index}`, each] as const)
  })
  return Object.fromEntries(kinds)
}

/** The same on pages: what is shown is a view, and a form that is accepted is none. */
export function pollPageKinds({ cookie }: Members, { open, closed }: Polls): Record<string, Kind> {
  const look = (page: string, path: string, route = path) =>
    kind(page, route, { path, headers: { cookie } }, { weight: 5, isForPeople: true })
  const form = (id: number, fields: Record<string, string>, status: number) =>
    formKind('vote', `/app/polls/${id}/vote`, fields, {
      route: '/app/polls/:id/vote',
      headers: { cookie },
      status,
      weight: 3,
    })
  const choiceId = String(open.choices[0]?.id)
  return {
    'people: polls': look('polls', '/app/polls'),
    'people: a poll': look('vote', `/app/polls/${open.id}`, '/app/polls/:id'),
    'people: results': look('results', `/app/polls/${closed.id}/results`, '/app/polls/:id/results'),
    'people: the same vote': form(open.id, { choiceId }, 303),
    'people: vote, nothing chosen': form(open.id, {}, 422),
    'people: vote, closed': form(closed.id, { choiceId: String(closed.choices[0]?.id) }, 409),
  }
}

/** Votes by forms that come, change and go. */
export function changingVotePages(
  { cookie }: Members,
  { changing: { id, choices } }: Polls,
): Record<string, Kind> {
  const form = (action: string, fields: Record<string, string>) =>
    formKind('vote', `/app/polls/${id}/${action}`, fields, {
      route: `/app/polls/:id/${action}`,
      headers: { cookie },
      status: 303,
      weight: 3,
    })
  return {
    'people: a changing vote 0': form('vote', { choiceId: String(choices[0]?.id) }),
    'people: a changing vote 1': form('vote', { choiceId: String(choices[1]?.id) }),
    'people: retract': form('vote/retract', {}),
  }
}

const VOTE = '/v1/polls/:id/vote'
const RESULTS = '/v1/polls/:id/results'

function voteFor(
  headers: Record<string, string>,
  { id, choices }: Poll,
  index: number,
  shape: { status?: number | number[]; weight?: number } = {},
): Kind {
  const body = { choiceId: choices[index]?.id }
  return kind('vote', VOTE, { method: 'PUT', path: `/v1/polls/${id}/vote`, headers, body }, shape)
}

import { UsageError } from '../../src/process/command.ts'
import type { Ask } from './http-client.ts'
import type { Polls, Visitor } from './visitor.ts'

/** A stranger needs no session, a program has a token, and a browser has a cookie and asks for pages for people. */
type Guise = 'stranger' | 'program' | 'browser'

interface LoadPage {
  /** Weight in the mix. */
  readonly weight: number
  readonly meaning: string
  readonly as: Guise
  /** Needs such polls, to vote in or to see the results of. */
  readonly polls?: 'open' | 'closed'
  ask(visitor: Visitor): Omit<Ask, 'token' | 'cookie'>
}

const COMMUNITY = '/v1/community?limit=50'

/** The pages of a visitor. `full` is out of the usual mix, because only it grows with the table. */
export const LOAD_PAGES = {
  home: { weight: 1, meaning: 'the entrance', as: 'stranger', ask: () => ({ path: '/' }) },
  community: {
    weight: 5,
    meaning: 'the listing, page after page',
    as: 'program',
    // Now and then a visitor starts anew.
    ask: (visitor) => ({ path: Math.random() < 0.2 ? COMMUNITY : (visitor.takeNextPage() ?? COMMUNITY) }),
  },
  full: {
    weight: 0,
    meaning: 'all members in one reply',
    as: 'program',
    ask: () => ({ path: '/v1/community/full' }),
  },
  search: {
    weight: 1,
    meaning: 'names that start with a letter',
    as: 'program',
    ask: () => ({ path: `/v1/community?q=${String.fromCharCode(97 + Math.floor(Math.random() * 26))}` }),
  },
  user: {
    weight: 3,
    meaning: 'one member',
    as: 'program',
    ask: (visitor) => ({ path: `/v1/users/${visitor.someoneId}` }),
  },
  friends: {
    weight: 3,
    meaning: "the visitor's friends",
    as: 'program',
    ask: () => ({ path: '/v1/me/friends' }),
  },
  requests: {
    weight: 1,
    meaning: 'unanswered friend requests',
    as: 'program',
    ask: () => ({ path: '/v1/me/friend-requests' }),
  },
  account: { weight: 1, meaning: 'the own account', as: 'program', ask: () => ({ path: '/v1/me' }) },
  polls: { weight: 2, meaning: 'the newest polls', as: 'program', ask: () => ({ path: '/v1/polls' }) },
  vote: {
    weight: 2,
    meaning: 'a vote in an open poll, or another choice',
    as: 'program',
    polls: 'open',
    ask: (visitor) => {
      const { id, choiceIds } = oneOf(visitor.polls.open)
      return { method: 'PUT', path: `/v1/polls/${id}/vote`, body: { choiceId: oneOf(choiceIds) } }
    },
  },
  results: {
    weight: 2,
    meaning: 'the results of a closed poll',
    as: 'program',
    polls: 'closed',
    ask: (visitor) => ({ path: `/v1/polls/${oneOf(visitor.polls.closed).id}/results` }),
  },
  toolkit: { weight: 1, meaning: 'the own toolkit', as: 'program', ask: () => ({ path: '/v1/toolkit' }) },
  videos: { weight: 1, meaning: 'the own videos', as: 'program', ask: () => ({ path: '/v1/me/videos' }) },
  playlist: {
    weight: 1,
    meaning: 'the own playlist',
    as: 'program',
    ask: () => ({ path: '/v1/me/playlist' }),
  },
  news: { weight: 1, meaning: 'the own feeds', as: 'program', ask: () => ({ path: '/v1/me/feeds' }) },
  app: { weight: 1, meaning: 'HTML: the start page', as: 'browser', ask: () => ({ path: '/app' }) },
  'app-community': {
    weight: 3,
    meaning: 'HTML: the listing',
    as: 'browser',
    ask: () => ({ path: '/app/community' }),
  },
  'app-user': {
    weight: 1,
    meaning: 'HTML: one member',
    as: 'browser',
    ask: (visitor) => ({ path: `/app/users/${visitor.someoneId}` }),
  },
  'app-friends': {
    weight: 1,
    meaning: 'HTML: friends',
    as: 'browser',
    ask: () => ({ path: '/app/friends' }),
  },
  'app-polls': {
    weight: 1,
    meaning: 'HTML: the newest polls',
    as: 'browser',
    ask: () => ({ path: '/app/polls' }),
  },
  'app-poll': {
    weight: 1,
    meaning: 'HTML: an open poll',
    as: 'browser',
    polls: 'open',
    ask: (visitor) => ({ path: `/app/polls/${oneOf(visitor.polls.open).id}` }),
  },
  'app-results': {
    weight: 1,
    meaning: 'HTML: the results of a closed poll',
    as: 'browser',
    polls: 'closed',
    ask: (visitor) => ({ path: `/app/polls/${oneOf(visitor.polls.closed).id}/results` }),
  },
  'app-toolkit': {
    weight: 1,
    meaning: 'HTML: the own toolkit',
    as: 'browser',
    ask: () => ({ path: '/app/toolkit' }),
  },
  'app-news': {
    weight: 1,
    meaning: 'HTML: the own news',
    as: 'browser',
    ask: () => ({ path: '/app/toolkit/news' }),
  },
  'app-location': {
    weight: 1,
    meaning: 'HTML: the own place on a map',
    as: 'browser',
    ask: () => ({ path: '/app/toolkit/location' }),
  },
} as const satisfies Record<string, LoadPage>

function oneOf<T>(items: readonly T[]): T {
  return items[Math.floor(Math.random() * items.length)] as T
}

export type LoadPageName = keyof typeof LOAD_PAGES

export const PAGE_NAMES = Object.keys(LOAD_PAGES) as LoadPageName[]

export type Mix = ReadonlyMap<LoadPageName, number>

/** `community=5,friends=2`: only these, with these weights. Throws {@link UsageError}. */
export function readMix(text: string | undefined): Mix {
  if (text === undefined) return positive(PAGE_NAMES.map((name) => [name, LOAD_PAGES[name].weight] as const))
  const parts = text.split(',').map((part): [LoadPageName, number] => {
    const [, name = part, digits = '1'] = /^([^=]*)(?:=(\d{1,6}))?$/.exec(part) ?? []
    if (!Object.hasOwn(LOAD_PAGES, name))
      throw new UsageError(
        `--mix has "${part}"; give name=weight, in whole numbers, of ${PAGE_NAMES.join(', ')}, with commas between.`,
      )
    return [name as LoadPageName, Number(digits)]
  })
  const twice = parts.find(([name], index) => parts.findIndex(([other]) => other === name) !== index)
  if (twice !== undefined) throw new UsageError(`--mix has ${twice[0]} twice; give each page once.`)
  const mix = positive(parts)
  if (mix.size === 0) throw new UsageError('--mix has no page with a weight above 0; give one at least.')
  return mix
}

function positive(weights: (readonly [LoadPageName, number])[]): Mix {
  return new Map(weights.filter(([, weight]) => weight > 0))
}

/** Whether a page of the mix is visited in this guise. */
export function hasGuise(mix: Mix, guise: Guise): boolean {
  return [...mix.keys()].some((name) => LOAD_PAGES[name].as === guise)
}

/** Sorts of polls that the mix needs. */
export function pollsOf(name: LoadPageName): keyof Polls | undefined {
  const page: LoadPage = LOAD_PAGES[name]
  return page.polls
}

/** Picks pages by their weights. */
export function picker(mix: Mix): () => LoadPageName {
  let sum = 0
  const shares = [...mix].map(([name, weight]) => {
    sum += weight
    return { name, end: sum }
  })
  return () => {
    const at = Math.random() * sum
    return shares.find(({ end }) => at < end)!.name
  }
}

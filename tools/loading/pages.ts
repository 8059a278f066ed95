import { UsageError } from '../../src/process/command.ts'
import type { Visitor } from './visitor.ts'

interface LoadPage {
  /** Weight in the mix. */
  readonly weight: number
  readonly meaning: string
  readonly isPublic?: true
  path(visitor: Visitor): string
}

const COMMUNITY = '/v1/community?limit=50'

/** The pages of a visitor. `full` is out of the usual mix, because only it grows with the table. */
export const LOAD_PAGES = {
  home: { weight: 1, meaning: 'the entrance', isPublic: true, path: () => '/' },
  community: {
    weight: 5,
    meaning: 'the listing, page after page',
    // Now and then a visitor starts anew.
    path: (visitor) => (Math.random() < 0.2 ? COMMUNITY : (visitor.takeNextPage() ?? COMMUNITY)),
  },
  full: { weight: 0, meaning: 'all members in one reply', path: () => '/v1/community/full' },
  search: {
    weight: 1,
    meaning: 'names that start with a letter',
    path: () => `/v1/community?q=${String.fromCharCode(97 + Math.floor(Math.random() * 26))}`,
  },
  user: { weight: 3, meaning: 'one member', path: (visitor) => `/v1/users/${visitor.someoneId}` },
  friends: { weight: 3, meaning: "the visitor's friends", path: () => '/v1/me/friends' },
  requests: { weight: 1, meaning: 'unanswered friend requests', path: () => '/v1/me/friend-requests' },
  account: { weight: 1, meaning: 'the own account', path: () => '/v1/me' },
} as const satisfies Record<string, LoadPage>

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

/** Whether a page of the mix needs a logged-in visitor. */
export function needsSession(mix: Mix): boolean {
  return [...mix.keys()].some((name) => !('isPublic' in LOAD_PAGES[name]))
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

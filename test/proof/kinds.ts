import { PASSWORD } from '../support/harness.ts'
import type { Ask, Client } from './client.ts'

/** A sort of request, and what each of them must leave behind. */
export interface Kind {
  readonly ask: Ask
  readonly aborts?: boolean
  readonly page: string | undefined
  readonly route: string | undefined
  /** As it is measured. */
  readonly method: string
  /** It is answered with one of these. */
  readonly statuses: readonly number[]
  /** Share of the mixed load. */
  readonly weight: number
  /** A page for people, whose views are the pages shown. */
  readonly isForPeople?: boolean
}

export interface Members {
  readonly token: string
  readonly friendsToken: string
  /** Of the same member's browser: `name=value`. */
  readonly cookie: string
  readonly ownId: number
  readonly friendId: number
}

type Shape = Partial<Pick<Kind, 'method' | 'weight' | 'aborts' | 'isForPeople'>> & {
  status?: number | number[]
}

/** `page` and `route` as the service must name them; the client says the page to the driver's ledger too. */
export function kind(
  page: string | undefined,
  route: string | undefined,
  ask: Ask,
  {
    method = ask.method ?? 'GET',
    status = 200,
    weight = 10,
    aborts = false,
    isForPeople = false,
  }: Shape = {},
): Kind {
  const headers = { ...ask.headers, ...(page !== undefined && { 'x-page': page }) }
  return {
    ask: { ...ask, headers },
    aborts,
    page,
    route,
    method,
    statuses: [status].flat(),
    weight,
    isForPeople,
  }
}

/** Whether a request is a view of its page: always in the API, and for people unless its answer is a redirect. */
export function isViewed({ page, isForPeople }: Kind, outcome: Outcome): boolean {
  const isRedirect = 'status' in outcome && outcome.status >= 300 && outcome.status < 400
  return page !== undefined && !(isForPeople && isRedirect)
}

export type Outcome = { readonly status: number } | { readonly cutOff: string }

/** Attributes of the measurement of one request; without a status when it was cut off. */
export function measured({ method, route, page }: Kind, outcome: Outcome): Record<string, string | number> {
  const status = 'status' in outcome ? outcome.status : undefined
  const error = 'cutOff' in outcome ? outcome.cutOff : outcome.status >= 500 ? String(status) : undefined
  return {
    ...(error !== undefined && { 'error.type': error }),
    'http.request.method': method,
    ...(status !== undefined && { 'http.response.status_code': status }),
    ...(route !== undefined && { 'http.route': route }),
    page: page ?? 'none',
    'url.scheme': 'http',
  }
}

/** Reads, so that a request of a kind costs the same statements whenever it comes, and refusals of every sort. */
export function steadyKinds({ token, friendId, ownId }: Members): Record<string, Kind> {
  const headers = { authorization: `Bearer ${token}` }
  const get = (path: string, route: string, page: string, status = 200) =>
    kind(page, route, { path, headers }, { status })
  const signUp = { name: 'Ada', email: 'ADA@example.com', password: PASSWORD }
  const friend = { method: 'PUT', path: `/v1/me/friends/${friendId}`, headers }
  const oneself = { method: 'PUT', path: `/v1/me/friends/${ownId}`, headers }
  const patch = { method: 'PATCH', path: '/v1/me', headers }
  const malformed = { ...patch, headers: { ...headers, 'content-type': 'application/json' }, body: '{' }
  const invalid = { method: 'POST', path: '/v1/users', body: { ...signUp, password: 'short' } }
  const logIn = { email: ADMIN_EMAIL, password: 'wrong' }
  const none = undefined
  return {
    home: get('/', '/', 'home'),
    'home, HEAD': kind('home', '/', { method: 'HEAD', path: '/' }, { weight: 4 }),
    community: get('/v1/community', '/v1/community', 'community'),
    'community by name': get('/v1/community?sort=name&limit=2', '/v1/community', 'community'),
    'community, HEAD': kind(
      'community',
      '/v1/community',
      { method: 'HEAD', path: '/v1/community', headers },
      { weight: 4 },
    ),
    'community, search': get('/v1/community?q=a', '/v1/community', 'community'),
    'community, wrong cursor': get('/v1/community?cursor=bnVsbA', '/v1/community', 'community', 400),
    'community, wrong limit': get('/v1/community?limit=0', '/v1/community', 'community', 422),
    'community, not logged in': kind(
      'community',
      '/v1/community',
      { path: '/v1/community' },
      { status: 401, weight: 6 },
    ),
    'full listing': get('/v1/community/full', '/v1/community/full', 'community'),
    user: get(`/v1/users/${friendId}`, '/v1/users/:id', 'community'),
    'unknown user': get('/v1/users/999999', '/v1/users/:id', 'community', 404),
    friends: get('/v1/me/friends', '/v1/me/friends', 'friends'),
    'friend requests': get('/v1/me/friend-requests', '/v1/me/friend-requests', 'friends'),
    'mutual friends': get(`/v1/users/${friendId}/mutual-friends`, '/v1/users/:id/mutual-friends', 'friends'),
    'befriend again': kind('friends', '/v1/me/friends/:userId', friend, { weight: 5 }),
    'befriend oneself': kind('friends', '/v1/me/friends/:userId', oneself, { status: 422, weight: 3 }),
    me: get('/v1/me', '/v1/me', 'account'),
    'new name': kind('account', '/v1/me', { ...patch, body: { name: 'Ada' } }, { weight: 5 }),
    'malformed JSON': kind('account', '/v1/me', malformed, { status: 400, weight: 4 }),
    'sign-up, invalid': kind('signup', '/v1/users', invalid, { status: 422, weight: 5 }),
    'sign-up, taken': kind('signup', '/v1/users', { ...invalid, body: signUp }, { status: 409, weight: 0.5 }),
    'wrong password': kind(
      'login',
      '/v1/sessions',
      { method: 'POST', path: '/v1/sessions', body: logIn },
      { status: 401, weight: 0.5 },
    ),
    aborted: kind('signup', '/v1/users', { method: 'POST', path: '/v1/users' }, { aborts: true, weight: 4 }),
    'aborted, logged in': kind('account', '/v1/me', patch, { aborts: true, weight: 4 }),
    toolkit: get('/v1/toolkit', '/v1/toolkit', 'toolkit'),
    videos: get('/v1/me/videos', '/v1/me/videos', 'videos'),
    playlist: get('/v1/me/playlist', '/v1/me/playlist', 'playlist'),
    'no place': get('/v1/me/location', '/v1/me/location', 'location', 404),
    feeds: get('/v1/me/feeds', '/v1/me/feeds', 'news'),
    health: kind(none, '/healthz', { path: '/healthz' }, { weight: 3 }),
    ready: kind(none, '/readyz', { path: '/readyz' }, { weight: 3 }),
    'unknown path': kind(none, none, { path: '/nope/7?q=1' }, { status: 404, weight: 5 }),
    'unknown method': kind(
      none,
      none,
      { method: 'PROPFIND', path: '/v1/me' },
      { method: '_OTHER', status: 405, weight: 3 },
    ),
    'method not allowed': kind(
      none,
      none,
      { method: 'PUT', path: '/v1/community' },
      { status: 405, weight: 3 },
    ),
    'malformed path': kind(none, none, { path: '/v1/users/%zz' }, { status: 400, weight: 3 }),
  }
}

/** Pages as browsers ask for them, and forms that are accepted, shown again, or refused. */
export function peopleKinds({ cookie, friendId }: Members): Record<string, Kind> {
  const look = (page: string | undefined, path: string, route = path, shape: Shape = {}) =>
    kind(page, route, { path, headers: { cookie } }, { weight: 5, isForPeople: true, ...shape })
  const asStranger = (page: string, path: string, shape: Shape = {}) =>
    kind(page, path, { path, method: shape.method ?? 'GET' }, { weight: 4, isForPeople: true, ...shape })
  const kinds = {
    'start page': look('home', '/app'),
    'start page, stranger': asStranger('home', '/app'),
    'sign-up page': asStranger('signup', '/app/sign-up'),
    'log-in page': asStranger('login', '/app/log-in'),
    'log-in page, HEAD': asStranger('login', '/app/log-in', { method: 'HEAD', weight: 2 }),
    community: look('community', '/app/community'),
    'community, search': look('community', '/app/community?q=a', '/app/community'),
    'community, not logged in': asStranger('community', '/app/community', { status: 303 }),
    member: look('community', `/app/users/${friendId}`, '/app/users/:id'),
    friends: look('friends', '/app/friends'),
    account: look('account', '/app/account'),
    toolkit: look('toolkit', '/app/toolkit'),
    videos: look('videos', '/app/toolkit/videos'),
    playlist: look('playlist', '/app/toolkit/playlist'),
    location: look('location', '/app/toolkit/location'),
    news: look('news', '/app/toolkit/news'),
    'no such page': look(undefined, '/app/nowhere/7', '/app/*', { status: 404, weight: 3 }),
    'log-in, accepted': { ...logInForm({ email: ADMIN_EMAIL, password: PASSWORD }, 303), weight: 0.5 },
    'log-in, wrong password': {
      ...logInForm({ email: ADMIN_EMAIL, password: 'wrong' }, 401),
      weight: 0.5,
    },
    'log-in, a field is missing': { ...logInForm({ email: ADMIN_EMAIL }, 422), weight: 3 },
    'log-in, from another site': { ...logInForm({ email: ADMIN_EMAIL }, 403, 'cross-site'), weight: 3 },
    'log out, not logged in': formKind('login', '/app/log-out', {}, { status: 303, weight: 3 }),
    'log-in, aborted': kind(
      'login',
      '/app/log-in',
      { method: 'POST', path: '/app/log-in', headers: FROM_A_FORM },
      { aborts: true, weight: 3, isForPeople: true },
    ),
  }
  return Object.fromEntries(Object.entries(kinds).map(([name, each]) => [`people: ${name}`, each]))
}

/** Header fields of a browser that sends a form of this site. */
const FROM_A_FORM = {
  'content-type': 'application/x-www-form-urlencoded',
  'sec-fetch-site': 'same-origin',
}

export function formKind(
  page: string,
  path: string,
  fields: Record<string, string>,
  { headers, route = path, ...shape }: Shape & { headers?: Record<string, string>; route?: string },
): Kind {
  const body = new URLSearchParams(fields).toString()
  const ask = { method: 'POST', path, headers: { ...FROM_A_FORM, ...headers }, body }
  return kind(page, route, ask, { isForPeople: true, ...shape })
}

function logInForm(fields: Record<string, string>, status: number, site = 'same-origin'): Kind {
  return formKind('login', '/app/log-in', fields, { status, headers: { 'sec-fetch-site': site } })
}

/** Friendships that come and go: what one such request costs depends on the one before. */
export function changingKinds({ token, ownId }: Members, strangerId = ownId + 2): Record<string, Kind> {
  const headers = { authorization: `Bearer ${token}` }
  const path = `/v1/me/friends/${strangerId}`
  const route = '/v1/me/friends/:userId'
  return {
    'ask a stranger': kind(
      'friends',
      route,
      { method: 'PUT', path, headers },
      { status: [200, 201], weight: 4 },
    ),
    'take it back': kind(
      'friends',
      route,
      { method: 'DELETE', path, headers },
      { status: [204, 404], weight: 4 },
    ),
  }
}

/** As many names as are wanted by weight; the same ones for the same random numbers. */
export function draw(
  kinds: Readonly<Record<string, Kind>>,
  count: number,
  random: () => number,
): [string, Kind][] {
  const tickets = Object.entries(kinds).flatMap((entry) =>
    Array<[string, Kind]>(Math.round(entry[1].weight * 2)).fill(entry),
  )
  return Array.from({ length: count }, () => tickets[Math.floor(random() * tickets.length)] as [string, Kind])
}

/** Sends a request that must be answered as its kind says; `done` is told of it. */
export function sender(client: Client, done: (kind: Kind, status: number) => void) {
  return async (each: Kind) => {
    const { status, body, headers } = await client.ask(each.ask)
    if (!each.statuses.includes(status)) throw new Error(`${each.ask.path}: ${status} ${body}`)
    done(each, status)
    return { body, headers }
  }
}

/** The address of the first member: an administrator, where a service is started with it. */
export const ADMIN_EMAIL = 'ada@example.com'

/** Signs up members of these names and makes the first two friends; `done` is told of each request. */
export async function prepareMembers(
  client: Client,
  names: readonly [string, string, ...string[]],
  done: (kind: Kind, status: number) => void,
): Promise<Members> {
  const send = sender(client, done)
  const post = async (page: string, path: string, body: object) =>
    JSON.parse((await send(kind(page, path, { method: 'POST', path, body }, { status: 201 }))).body)
  const ids: number[] = []
  const tokens: string[] = []
  for (const name of names) {
    const credentials = { email: emailOf(name), password: PASSWORD }
    ids.push((await post('signup', '/v1/users', { name, ...credentials })).id)
    if (tokens.length < 2) tokens.push((await post('login', '/v1/sessions', credentials)).token)
  }
  const browser = await send(logInForm({ email: emailOf(names[0]), password: PASSWORD }, 303))
  const [own, friend] = ids as [number, number]
  const [token, friendsToken] = tokens as [string, string]
  const befriend = (as: string, id: number, status: number) => {
    const ask = { method: 'PUT', path: `/v1/me/friends/${id}`, headers: { authorization: `Bearer ${as}` } }
    return send(kind('friends', '/v1/me/friends/:userId', ask, { status }))
  }
  await befriend(token, friend, 201)
  await befriend(friendsToken, own, 200)
  const cookie = String(browser.headers['set-cookie']?.[0]).split(';', 1)[0] as string
  return { token, friendsToken, cookie, ownId: own, friendId: friend }
}

function emailOf(name: string): string {
  return `${name.toLowerCase()}@example.com`
}

import { randomBytes } from 'node:crypto'
import { CommandError } from '../../src/process/command.ts'
import { RESERVED_DOMAIN } from '../../src/users/reserved-domain.ts'
import { DEMO_EMAIL } from '../seeding/seeded-users.ts'
import { type Answer, type Ask, type HttpClient, NoAnswer } from './http-client.ts'
import { type KnownPoll, type Polls, Visitor } from './visitor.ts'

export interface Visitors {
  readonly visitors: readonly Visitor[]
  readonly isSignedUp: boolean
  /**
   * Ends the visitors' sessions, and deletes accounts that were signed up for them; resolves to the number left over.
   */
  leave(): Promise<number>
}

/** A visitor of public pages only. */
export const STRANGER: Visitors = {
  visitors: [new Visitor({ ownId: 0 })],
  isSignedUp: false,
  leave: async () => 0,
}

/**
 * Logs visitors in: the wanted number, fewer at the service's limits or after an abort. With a password, they are the
 * demo account and other seeded ones; without, accounts that are signed up for this run. One after the other, because a
 * password takes the service 40 ms of a core.
 */
export async function logInVisitors(
  client: HttpClient,
  {
    wanted,
    password: given,
    withBrowser = false,
  }: { wanted: number; password: string | undefined; withBrowser?: boolean },
  signal: AbortSignal,
): Promise<Visitors> {
  const isSignedUp = given === undefined
  const password = given ?? randomBytes(15).toString('hex')
  const goodbye = isSignedUp
    ? { path: '/v1/me', body: { currentPassword: password } }
    : { path: '/v1/sessions/current' }
  const visitors: Visitor[] = []
  const leave = async () => {
    let left = visitors.length
    for (const { token, cookie } of visitors) {
      // The sessions of an account that is deleted end with it.
      const isOut = cookie === undefined || isSignedUp || (await isDone(client, { ...LOG_OUT, cookie }))
      if ((await isDone(client, { method: 'DELETE', token, ...goodbye })) && isOut) left -= 1
    }
    return left
  }
  for (let number = 1; number <= wanted && !signal.aborted; number++) {
    const profile = isSignedUp ? newProfile(number) : { email: seededEmail(number) }
    const refused = await logIn(
      client,
      { ...profile, password },
      { isSignUp: isSignedUp, withBrowser },
      visitors,
    )
    if (refused === undefined) continue
    if (visitors.length > 0) break
    throw complaint(refused, isSignedUp)
  }
  return { visitors, isSignedUp, leave }
}

/** The session of a browser; resolves to the header field that it sends. */
export async function logInWithCookie(client: HttpClient, credentials: Credentials): Promise<string> {
  const answer = await askForCookie(client, credentials)
  const cookie = cookieOf(answer)
  if (cookie !== undefined) return cookie
  throw complaint({ step: 'Logging in', answer }, false)
}

/** As the form of the log-in does. */
function askForCookie(client: HttpClient, { email, password }: Credentials): Promise<Answer> {
  return ask(client, {
    method: 'POST',
    path: '/app/log-in',
    headers: { 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ email, password }),
  })
}

/** Undefined if the log-in was refused. */
function cookieOf({ status, headers }: Answer): string | undefined {
  return status === 303 ? headers['set-cookie']?.[0]?.split(';', 1)[0] : undefined
}

const LOG_OUT = { method: 'POST', path: '/app/log-out', body: new URLSearchParams() } as const

async function isDone(client: HttpClient, request: Ask): Promise<boolean> {
  return client.ask(request).then(
    ({ status }) => status === 204 || status === 303,
    () => false,
  )
}

interface Credentials {
  readonly email: string
  readonly password: string
}

function newProfile(number: number) {
  return { name: `Visitor ${number}`, email: `visitor-${randomBytes(8).toString('hex')}@load.example` }
}

function seededEmail(number: number): string {
  return number === 1 ? DEMO_EMAIL : `user${number}@${RESERVED_DOMAIN}`
}

interface Refusal {
  readonly step: 'Signing up' | 'Logging in'
  readonly answer: Answer
}

/** The first refusal, if any. */
async function logIn(
  client: HttpClient,
  { email, password, ...profile }: Credentials,
  { isSignUp, withBrowser }: { isSignUp: boolean; withBrowser: boolean },
  visitors: Visitor[],
): Promise<Refusal | undefined> {
  if (isSignUp) {
    const body = { ...profile, email, password }
    const answer = await ask(client, { method: 'POST', path: '/v1/users', body })
    if (answer.status !== 201) return { step: 'Signing up', answer }
  }
  const answer = await ask(client, { method: 'POST', path: '/v1/sessions', body: { email, password } })
  if (answer.status !== 201) return { step: 'Logging in', answer }
  const { token, user } = jsonOf(answer)
  let cookie: string | undefined
  if (withBrowser) {
    const shown = await askForCookie(client, { email, password })
    cookie = cookieOf(shown)
    if (cookie === undefined) return { step: 'Logging in', answer: shown }
  }
  visitors.push(new Visitor({ token, cookie, ownId: user.id }))
  return undefined
}

/** The newest polls that this visitor sees. */
export async function findPolls(client: HttpClient, { token }: Visitor): Promise<Polls> {
  const answer = await ask(client, { path: '/v1/polls', token })
  const polls = { open: [] as KnownPoll[], closed: [] as KnownPoll[] }
  if (answer.status !== 200) return polls
  for (const { id, state, choices } of jsonOf(answer).data as {
    id: number
    state: string
    choices: { id: number }[]
  }[]) {
    const poll = { id, choiceIds: choices.map((choice) => choice.id) }
    if (state === 'open') polls.open.push(poll)
    else if (state === 'closed') polls.closed.push(poll)
  }
  return polls
}

function jsonOf({ body }: Answer) {
  return JSON.parse(Buffer.concat(body).toString())
}

async function ask(client: HttpClient, request: Ask): Promise<Answer> {
  try {
    return await client.ask(request)
  } catch (error) {
    const kind = error instanceof NoAnswer ? error.kind : String(error)
    throw new CommandError(`The service does not answer (${kind}); start it with npm start, or check --url.`)
  }
}

function complaint({ step, answer: { status, headers } }: Refusal, isSignedUp: boolean): CommandError {
  const later = `try again in ${headers['retry-after'] ?? 60} s`
  if (status === 429)
    return new CommandError(
      `${step} is limited, and was tried too often; ${later}${isSignedUp ? ', or give the --password of seeded accounts' : ''}.`,
    )
  if (status === 503)
    return new CommandError(`${step} was answered with 503, because the service is busy; ${later}.`)
  if (status === 401)
    return new CommandError(
      'The demo account has another password; give the --password that npm run seed printed last.',
    )
  return new CommandError(`${step} was answered with ${status}; is --url that of Rollcall?`)
}

import { randomBytes } from 'node:crypto'
import { CommandError } from '../../src/process/command.ts'
import { RESERVED_DOMAIN } from '../../src/users/reserved-domain.ts'
import { DEMO_EMAIL } from '../seeding/seeded-users.ts'
import { type Answer, type Ask, type HttpClient, NoAnswer } from './http-client.ts'
import { Visitor } from './visitor.ts'

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
  visitors: [new Visitor(undefined, 0)],
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
  { wanted, password: given }: { wanted: number; password: string | undefined },
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
    for (const { token } of visitors) {
      const status = await client.ask({ method: 'DELETE', token, ...goodbye }).then(
        (answer) => answer.status,
        () => undefined,
      )
      if (status === 204) left -= 1
    }
    return left
  }
  for (let number = 1; number <= wanted && !signal.aborted; number++) {
    const profile = isSignedUp ? newProfile(number) : { email: seededEmail(number) }
    const refused = await logIn(client, { ...profile, password }, isSignedUp, visitors)
    if (refused === undefined) continue
    if (visitors.length > 0) break
    throw complaint(refused, isSignedUp)
  }
  return { visitors, isSignedUp, leave }
}

/** The session of a browser; resolves to the header field that it sends. */
export async function logInWithCookie(client: HttpClient, credentials: Credentials): Promise<string> {
  const answer = await ask(client, {
    method: 'POST',
    path: '/v1/sessions/cookie',
    headers: { 'sec-fetch-site': 'same-origin' },
    body: credentials,
  })
  const [field] = answer.headers['set-cookie'] ?? []
  if (answer.status === 201 && field !== undefined) return field.split(';', 1)[0] as string
  throw complaint({ step: 'Logging in', answer }, false)
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
  isSignUp: boolean,
  visitors: Visitor[],
): Promise<Refusal | undefined> {
  if (isSignUp) {
    const body = { ...profile, email, password }
    const answer = await ask(client, { method: 'POST', path: '/v1/users', body })
    if (answer.status !== 201) return { step: 'Signing up', answer }
  }
  const answer = await ask(client, { method: 'POST', path: '/v1/sessions', body: { email, password } })
  if (answer.status !== 201) return { step: 'Logging in', answer }
  const { token, user } = JSON.parse(Buffer.concat(answer.body).toString())
  visitors.push(new Visitor(token, user.id))
  return undefined
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

import { randomBytes } from 'node:crypto'
import { RESERVED_DOMAIN } from '../../users/reserved-domain.ts'
import { CommandError } from '../command.ts'
import { DEMO_EMAIL } from '../seeding/seeded-users.ts'
import { type Answer, type Ask, type HttpClient, NoAnswer } from './http-client.ts'
import { Visitor } from './visitor.ts'

export interface Visitors {
  readonly visitors: readonly Visitor[]
  readonly isSignedUp: boolean
  /** Ends what was begun for them: accounts that were signed up are deleted, sessions of others ended. */
  leave(): Promise<void>
}

/** One who looks at public pages only. */
export const STRANGER: Visitors = {
  visitors: [new Visitor(undefined, 0)],
  isSignedUp: false,
  async leave() {},
}

/**
 * Logs visitors in, as many as wanted or as the service's limits let in: the demo account and other seeded ones where
 * their password is given, else accounts that are signed up for this run. One after the other, because a password
 * takes the service 40 ms of a core.
 */
export async function logInVisitors(
  client: HttpClient,
  { wanted, password }: { wanted: number; password: string | undefined },
): Promise<Visitors> {
  const isSignedUp = password === undefined
  const visitors: Visitor[] = []
  const leave = async () => {
    for (const { token } of visitors) {
      const path = isSignedUp ? '/v1/me' : '/v1/sessions/current'
      await client.ask({ method: 'DELETE', path, token }).catch(() => {})
    }
  }
  for (let number = 1; number <= wanted; number++) {
    const credentials = isSignedUp ? newAccount(number) : { email: seededEmail(number), password }
    const refused = await logIn(client, credentials, isSignedUp, visitors)
    if (refused === undefined) continue
    if (visitors.length > 0) break
    throw refusal(refused, isSignedUp)
  }
  return { visitors, isSignedUp, leave }
}

interface Credentials {
  readonly email: string
  readonly password: string
}

function newAccount(number: number): Credentials & { name: string } {
  return {
    name: `Visitor ${number}`,
    email: `visitor-${randomBytes(8).toString('hex')}@load.example`,
    password: randomBytes(15).toString('base64url'),
  }
}

function seededEmail(number: number): string {
  return number === 1 ? DEMO_EMAIL : `user${number}@${RESERVED_DOMAIN}`
}

/** The answer that refused it, if one did. */
async function logIn(
  client: HttpClient,
  { email, password, ...profile }: Credentials,
  isSignUp: boolean,
  visitors: Visitor[],
): Promise<Answer | undefined> {
  if (isSignUp) {
    const signedUp = await ask(client, {
      method: 'POST',
      path: '/v1/users',
      body: { ...profile, email, password },
    })
    if (signedUp.status !== 201) return signedUp
  }
  const loggedIn = await ask(client, { method: 'POST', path: '/v1/sessions', body: { email, password } })
  if (loggedIn.status !== 201) return loggedIn
  const { token, user } = JSON.parse(Buffer.concat(loggedIn.body).toString())
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

function refusal({ status, headers }: Answer, isSignUp: boolean): CommandError {
  const step = isSignUp ? 'Signing up' : 'Logging in'
  if (status === 429)
    return new CommandError(
      `${step} is limited, and was tried too often; try again in ${headers['retry-after'] ?? 60} s${isSignUp ? ', or give the --password of seeded accounts' : ''}.`,
    )
  if (status === 401)
    return new CommandError(
      'The demo account has another password; give the --password that npm run seed printed last.',
    )
  return new CommandError(`${step} was answered with ${status}; is --url that of Rollcall?`)
}

import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../proof/client.ts'
import { PASSWORD } from '../../support/harness.ts'

interface Ask {
  method?: string
  path: string
  page: string
  token?: string
  body?: object
}

/** What clients saw that open a connection for each request. */
export class Ledger {
  readonly #url: string
  /** Requests that were answered, by page. */
  readonly answered: Record<string, number> = {}
  readonly statuses: Record<number, number> = {}
  /** What became of those that were not: `code syscall`. */
  readonly unanswered: string[] = []

  constructor(url: string) {
    this.#url = url
  }

  /** The status and the body; undefined for a request that was not answered. */
  async ask({
    method = 'GET',
    path,
    page,
    token,
    body,
  }: Ask): Promise<{ status: number; body: string } | undefined> {
    const payload = body && JSON.stringify(body)
    const headers = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(payload && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    }
    try {
      const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
        request(this.#url + path, { agent: false, method, headers }, (reply) => {
          const status = reply.statusCode as number
          reply
            .toArray()
            .then((chunks) => resolve({ status, body: Buffer.concat(chunks).toString() }), reject)
        })
          .on('error', reject)
          .end(payload)
      })
      this.answered[page] = (this.answered[page] ?? 0) + 1
      this.statuses[answer.status] = (this.statuses[answer.status] ?? 0) + 1
      return answer
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException
      this.unanswered.push(`${code} ${syscall}`)
      return undefined
    }
  }

  get total(): number {
    return Object.values(this.answered).reduce((sum, count) => sum + count, 0)
  }
}

interface Member {
  id: number
  token: string
}

/** Signs up and logs in. */
export async function join(ledger: Ledger, number: number): Promise<Member> {
  const credentials = { email: `member${number}@example.com`, password: PASSWORD }
  const body = { name: `Member ${number}`, ...credentials }
  await ledger.ask({ method: 'POST', path: '/v1/users', page: 'signup', body })
  const login = await ledger.ask({ method: 'POST', path: '/v1/sessions', page: 'login', body: credentials })
  const { token, user } = JSON.parse(login?.body ?? '{}')
  return { id: user.id, token }
}

/** One visitor after the other reads and writes, until `isOver`. */
export async function visit(ledger: Ledger, members: readonly Member[], seed: number, isOver: () => boolean) {
  const random = seededRandom(seed)
  const any = () => members[Math.floor(random() * members.length)] as Member
  while (!isOver()) {
    const { token } = any()
    const friend = { path: `/v1/me/friends/${any().id}`, page: 'friends', token }
    const kind = random()
    if (kind < 0.4) await ledger.ask({ path: '/', page: 'home' })
    else if (kind < 0.6) await ledger.ask({ method: 'PUT', ...friend })
    else if (kind < 0.75) await ledger.ask({ method: 'DELETE', ...friend })
    else if (kind < 0.9)
      await ledger.ask({
        method: 'PATCH',
        path: '/v1/me',
        page: 'account',
        token,
        body: { name: `Name ${kind}` },
      })
    else await ledger.ask({ path: '/v1/community', page: 'community', token })
    // A client whose connection fails at once must not spin.
    if (ledger.unanswered.length > 100) await sleep(50)
  }
}

import fc from 'fast-check'
import { test } from 'tap'
import { openApp } from '../support/harness.ts'
import { addMembers, allPages, clearTables, idsOf, type TestMember } from '../support/members.ts'

const MEMBERS = 4
const PENDING_MAX = 2

/** The friendship table of the specification, said as plainly as it can be. */
class Model {
  /** `${low} ${high}` to who asked, or to 'friends'. */
  readonly pairs = new Map<string, number | 'friends'>()
  readonly blocks = new Set<string>()

  static key(one: number, other: number): string {
    return one < other ? `${one} ${other}` : `${other} ${one}`
  }

  blocked(one: number, other: number): boolean {
    return this.blocks.has(`${one} ${other}`)
  }

  request(me: number, other: number): number {
    if (me === other) return 422
    if (this.blocked(me, other)) return 409
    if (this.blocked(other, me)) return 404
    const key = Model.key(me, other)
    const pair = this.pairs.get(key)
    if (pair === undefined) {
      if ([...this.pairs.values()].filter((asked) => asked === me).length >= PENDING_MAX) return 409
      this.pairs.set(key, me)
      return 201
    }
    if (pair === other) this.pairs.set(key, 'friends')
    return 200
  }

  remove(me: number, other: number): number {
    if (me === other) return 422
    this.pairs.delete(Model.key(me, other))
    return 204
  }

  block(me: number, other: number): number {
    if (me === other) return 422
    if (this.blocked(me, other)) return 200
    this.blocks.add(`${me} ${other}`)
    this.pairs.delete(Model.key(me, other))
    return 201
  }

  unblock(me: number, other: number): number {
    if (me === other) return 422
    this.blocks.delete(`${me} ${other}`)
    return 204
  }

  others(me: number, accepts: (other: number, pair: number | 'friends' | undefined) => boolean): number[] {
    const all = Array.from({ length: MEMBERS }, (_, index) => index)
    return all.filter((other) => accepts(other, this.pairs.get(Model.key(me, other))))
  }

  view(me: number) {
    const visible = (other: number) => !this.blocked(me, other) && !this.blocked(other, me)
    const friends = (one: number) => this.others(one, (_other, pair) => pair === 'friends')
    return {
      friends: friends(me),
      incoming: this.others(me, (other, pair) => pair === other),
      outgoing: this.others(me, (_other, pair) => pair === me),
      blocks: this.others(me, (other) => this.blocked(me, other)),
      community: this.others(me, visible),
      mutual: this.others(me, () => true).map((other) =>
        visible(other) ? friends(me).filter((friend) => friends(other).includes(friend)) : 404,
      ),
    }
  }
}

const ACTIONS = {
  request: ['PUT', '/v1/me/friends'],
  remove: ['DELETE', '/v1/me/friends'],
  block: ['PUT', '/v1/me/blocks'],
  unblock: ['DELETE', '/v1/me/blocks'],
} as const

const member = fc.nat({ max: MEMBERS - 1 })
const step = fc.record({
  // Requests twice as likely, or nearly everything would be blocked or nothing.
  action: fc.constantFrom<keyof typeof ACTIONS>(
    'request',
    'request',
    'request',
    'remove',
    'block',
    'unblock',
    'unblock',
  ),
  me: member,
  other: member,
})

test('any sequence of requests, answers and blocks leaves what the table says', async (t) => {
  const opened = await openApp(t, { config: { pendingRequestsMax: PENDING_MAX } })
  const members = await addMembers(opened, 'Ada', 'Bob', 'Eve', 'Ida')
  const indexOf = new Map(members.map(({ id }, index) => [id, index]))

  async function view(one: TestMember) {
    const list = async (url: string) =>
      idsOf(await allPages(one, url, 2))
        .map((id) => indexOf.get(id) as number)
        .sort((first, second) => first - second)
    const mutual = async (other: TestMember) => {
      const url = `/v1/users/${other.id}/mutual-friends`
      const { statusCode } = await one.ask('GET', url)
      return statusCode === 200 ? list(url) : statusCode
    }
    return {
      friends: await list('/v1/me/friends'),
      incoming: await list('/v1/me/friend-requests'),
      outgoing: await list('/v1/me/friend-requests?direction=outgoing'),
      blocks: await list('/v1/me/blocks'),
      community: await list('/v1/community'),
      mutual: await Promise.all(members.map(mutual)),
    }
  }

  const reached = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      clearTables(opened.file, 'friendships', 'blocks')
      const model = new Model()
      for (const { action, me, other } of steps) {
        const expected = model[action](me, other)
        const [method, path] = ACTIONS[action]
        const reply = await (members[me] as TestMember).ask(method, `${path}/${members[other]?.id}`)
        const label = `${action} ${me} ${other}`
        if (reply.statusCode !== expected) throw new Error(`${label}: ${reply.statusCode}, not ${expected}`)
        if (action === 'request' && reply.statusCode < 300) {
          const status = model.pairs.get(Model.key(me, other)) === 'friends' ? 'friends' : 'pending'
          if (reply.json().status !== status) throw new Error(`${label}: ${reply.body}, not ${status}`)
        }
        reached.set(`${action} ${expected}`, (reached.get(`${action} ${expected}`) ?? 0) + 1)
      }
      for (const [index, one] of members.entries()) {
        const [seen, expected] = [JSON.stringify(await view(one)), JSON.stringify(model.view(index))]
        if (seen !== expected) throw new Error(`member ${index} sees ${seen}, not ${expected}`)
      }
    }),
    { numRuns: 40 },
  )
  for (const outcome of [
    'request 200',
    'request 201',
    'request 404',
    'request 409',
    'block 200',
    'block 201',
  ])
    t.ok(reached.get(outcome), `${outcome} was reached`)
})

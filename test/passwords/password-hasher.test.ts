import { test } from 'tap'
import { Problem } from '../../src/errors.ts'
import { PasswordHasher } from '../../src/passwords/password-hasher.ts'

const PASSWORD = 'correct horse battery staple'

function openHasher(limits: { atOnce?: number; queueMax?: number; queueMaxMs?: number } = {}) {
  const durations: number[] = []
  /** How long the queue was, each time that it changed. */
  const queued: number[] = []
  const hasher = new PasswordHasher(
    { atOnce: 2, queueMax: 32, queueMaxMs: 60_000, ...limits },
    {
      hashed: (seconds) => durations.push(seconds),
      queued(requests) {
        if (requests !== queued.at(-1)) queued.push(requests)
      },
    },
  )
  return { hasher, durations, queued }
}

test('a hash is argon2id with 19 MiB, two passes and one lane, and verifies in any Unicode form', async (t) => {
  const { hasher, durations } = openHasher()
  const phc = await hasher.hash('café au lait, bien chaud')
  t.match(phc, /^\$argon2id\$v=19\$m=19456,p=1,t=2\$/)
  t.ok(await hasher.verify(phc, 'cafe\u0301 au lait, bien chaud'))
  t.notOk(await hasher.verify(phc, PASSWORD))
  t.equal(durations.length, 3 + 1, 'one for the stand-in of accounts that do not exist')
  t.ok(durations.every((seconds) => seconds > 0 && seconds < 60))
})

test('an account that does not exist costs a hash and is refused', async (t) => {
  const { hasher, durations } = openHasher()
  t.notOk(await hasher.verify(undefined, PASSWORD))
  t.notOk(await hasher.verify(undefined, 'an account that nobody has'))
  t.equal(durations.length, 2 + 1)
})

test('one more than the queue holds is refused with 503 at once, the others are served', async (t) => {
  const { hasher, queued } = openHasher({ atOnce: 1, queueMax: 2 })
  const results = await Promise.allSettled(Array.from({ length: 4 }, () => hasher.hash(PASSWORD)))
  t.strictSame(
    results.map((result) => result.status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  )
  const refusal = (results[3] as PromiseRejectedResult).reason
  t.ok(refusal instanceof Problem)
  t.match(refusal, { code: 'overloaded', statusCode: 503, headers: { 'retry-after': '2' } })
  t.strictSame(queued, [1, 2, 1, 0])
})

test('who waits too long is refused and leaves the queue', async (t) => {
  const { hasher, queued } = openHasher({ atOnce: 1, queueMax: 8, queueMaxMs: 1 })
  const results = await Promise.allSettled([hasher.hash(PASSWORD), hasher.hash(PASSWORD)])
  t.strictSame(
    results.map((result) => result.status),
    ['fulfilled', 'rejected'],
  )
  t.strictSame(queued, [1, 0])
  t.match(await hasher.hash(PASSWORD), /^\$argon2id/, 'the place is free again')
})

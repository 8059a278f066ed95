import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { DeadLetters } from '../../packages/durable-otlp-exporter/src/dead-letters.ts'
import type { OtlpRequest } from '../../packages/durable-otlp-exporter/src/request.ts'
import { Spool } from '../../packages/durable-otlp-exporter/src/spool.ts'
import { temporaryFolder } from '../support/harness.ts'

const BODY: OtlpRequest = {
  signal: 'metrics',
  protocol: 'http/json',
  compression: 'none',
  items: 1,
  time: 1_800_000_000_000,
  bytes: Buffer.from('{}'),
}

function open(t: Test, directory: string, instanceId: string): Promise<Spool> {
  return Spool.open({ directory, instanceId, maxBytes: 1_000_000 }, 1).then((spool) => {
    t.teardown(() => spool.release())
    return spool
  })
}

/** A folder whose owner was killed. */
function abandoned(directory: string, folderName: string, bodies: number): void {
  const folder = join(directory, folderName)
  mkdirSync(folder, { recursive: true })
  for (let n = 0; n < bodies; n++)
    writeFileSync(join(folder, `${n}-metrics-1-2-${String(n).padStart(12, '0')}.body`), '{}\n')
}

/** A process of its own that opens folders. */
function opener(t: Test) {
  const child = fork(join(import.meta.dirname, 'owning-process.ts'))
  const exited = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  return {
    async opens(directory: string, instanceId: string): Promise<'owned' | 'shared'> {
      child.send({ directory, instanceId })
      return (await once(child, 'message'))[0]
    },
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await exited
    },
  }
}

test('of several processes that open one folder at once, one has it', async (t) => {
  const openers = Array.from({ length: 4 }, () => opener(t))
  for (let round = 0; round < 40; round++) {
    const directory = temporaryFolder(t)
    abandoned(directory, 'instance-a', 0)
    const opened = await Promise.all(openers.map(({ opens }) => opens(directory, 'a')))
    t.same(opened.sort(), ['owned', 'shared', 'shared', 'shared'])
  }
})

test('whoever adopts while an owner starts leaves it what it has from then on', async (t) => {
  for (let round = 0; round < 20; round++) {
    const directory = temporaryFolder(t)
    abandoned(directory, 'instance-a', 3)
    const others = await Promise.all(['b', 'c', 'd'].map((name) => open(t, directory, name)))
    const [owner, ...adopted] = await Promise.all([
      open(t, directory, 'a'),
      ...others.map((other) => other.adopt()),
    ])
    const restored = await owner.restore()
    t.equal(restored.length + adopted.flat().length, 3, 'each is taken once')
    const { path } = await owner.write(BODY)
    for (const other of others) t.same(await other.adopt(), [])
    t.ok(existsSync(path), 'what a live process writes is its own')
  }
})

test('a live process keeps its folder, and one that was killed loses it at once', async (t) => {
  const directory = temporaryFolder(t)
  const other = opener(t)
  t.equal(await other.opens(directory, 'a'), 'owned')
  t.ok((await open(t, directory, 'a')).isShared)
  const heir = await open(t, directory, 'b')
  t.same(await heir.adopt(), [])
  await other.kill()
  t.match(await heir.adopt(), [{ signal: 'metrics', items: 1 }])
  t.notOk((await open(t, directory, 'a')).isShared)
})

test('what waits is for its owner only: spans tell who asked for what', {
  skip: process.platform === 'win32' && 'modes are of POSIX',
}, async (t) => {
  const directory = join(temporaryFolder(t), 'data', 'telemetry')
  await open(t, directory, 'a')
  const deadLetters = new DeadLetters(directory, 1_000_000)
  await deadLetters.put(BODY, 1, { reason: 'refused' })
  for (const folder of ['..', '.', 'instance-a', 'dead-letters'])
    t.equal(statSync(join(directory, folder)).mode & 0o777, 0o700, folder)
})

test('five of a hundred are dead letters of an earlier process, and pruned: five are dropped, not a hundred', async (t) => {
  const directory = temporaryFolder(t)
  const hundred = { ...BODY, items: 100 }
  await new DeadLetters(directory, 1_000_000).put(hundred, 5, { reason: 'rejected' })
  const later = new DeadLetters(directory, 0)
  const pruned = await later.put({ ...BODY, time: BODY.time + 1 }, 1, { reason: 'refused' })
  t.strictSame(pruned, [
    { signal: 'metrics', items: 5, isOwn: false },
    { signal: 'metrics', items: 1, isOwn: true },
  ])
})

test('a successor waits for its predecessor, also in one process', async (t) => {
  const options = { directory: temporaryFolder(t), instanceId: 'b:1', maxBytes: 1 }
  const first = await Spool.open(options, 1)
  t.ok((await open(t, options.directory, 'b:1')).isShared, 'this process, under another telemetry')
  const succession = Spool.open(options, 60_000)
  await first.release()
  const second = await succession
  t.notOk(second.isShared)
  await second.release()
})

test('a folder that has been empty for hours is forgotten, and its name can be borne again', async (t) => {
  const directory = temporaryFolder(t)
  const first = await open(t, directory, 'a')
  await first.rememberSecond(1)
  await first.release()
  const other = await open(t, directory, 'b')
  await other.adopt()
  t.ok(existsSync(join(directory, 'instance-a')), 'its last second may still matter')
  utimesSync(join(directory, 'instance-a', 'last-second'), 1, 1)
  await other.adopt()
  t.same(readdirSync(directory), ['instance-b'])
  t.notOk((await open(t, directory, 'a')).isShared)
})

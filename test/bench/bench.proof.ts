import { existsSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { installPeers } from '../../bench/install-peers.ts'
import { measureInterleaved, ratioOf, type Subject } from '../../bench/measure/slices.ts'
import { Stage } from '../../bench/stage.ts'
import { CommandError } from '../../src/process/command.ts'

const EFFORT = { rounds: 2, sliceSeconds: 0.2, warmUpSeconds: 1 }
const MEMBERS = 1000

function whyNot(): string | false {
  if (process.platform !== 'linux') return 'the scheduler of Linux is what is read'
  try {
    installPeers()
    return false
  } catch (error) {
    if (error instanceof CommandError) return error.message
    throw error
  }
}

/** Ids of this process's own children. */
function children(): string {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
}

test('two peers and Rollcall are measured in turn, and nothing of it stays', {
  skip: whyNot(),
}, async (t) => {
  const childrenBefore = children()
  const stage = await Stage.open()
  const pids = [stage.sink.pid]
  t.teardown(() => stage.close())
  const subjects: Subject[] = []
  const measured = await stage.act(async () => {
    const database = await stage.database(MEMBERS)
    const rollcall = await stage.rollcall(database, 'everything')
    const headers = await stage.session(rollcall)
    for (const name of ['raw', 'again']) {
      const server = await stage.processes.peer('raw.js', { env: stage.peerEnv(database) })
      subjects.push({ name, server, visit: { url: `${server.url}/community` } })
    }
    subjects.push({
      name: 'Rollcall',
      server: rollcall,
      visit: { url: `${rollcall.url}/v1/community`, headers },
    })
    pids.push(...subjects.map(({ server }) => server.pid))
    return await measureInterleaved(subjects, stage.load, EFFORT)
  })
  t.same(
    pids.map((pid) => existsSync(`/proc/${pid}`)),
    [true, false, false, false],
    'the servers ended with their act',
  )
  const [raw, ...others] = measured
  for (const each of others)
    for (const figure of ['microseconds', 'requestsASecond'] as const) {
      const { median, low, high } = ratioOf(each, raw as typeof each, figure)
      t.ok(
        [low, median, high].every((ratio) => ratio > 0.02 && ratio < 50),
        `${each.name}: × ${median} ${figure}`,
      )
    }
  for (const { name, microseconds, leftOut } of measured) {
    t.equal(microseconds.count + leftOut, EFFORT.rounds, name)
    t.ok(microseconds.low > 1, `${name}: ${microseconds.median} µs`)
  }
  await stage.close()
  t.equal(children(), childrenBefore, 'no process is left')
  t.notOk(existsSync(stage.folder), 'the folder is gone')
})

test('a page that does not answer well is a failure, not a figure', { skip: whyNot() }, async (t) => {
  const stage = await Stage.open()
  t.teardown(() => stage.close())
  const database = await stage.database(10)
  const server = await stage.processes.peer('raw.js', { env: stage.peerEnv(database) })
  await t.rejects(stage.load.send({ url: `${server.url}/nowhere` }, 10), /answered 0 of 10 requests with 2xx/)
})

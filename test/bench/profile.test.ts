import { test } from 'tap'
import { type CpuProfile, summarize } from '../../bench/goals/profile.ts'

/** A function with its callees, as a profile lists it. */
function node(
  id: number,
  functionName: string,
  url = '',
  children: number[] = [],
): CpuProfile['nodes'][number] {
  return { id, callFrame: { functionName, url }, children }
}

const PROFILE: CpuProfile = {
  startTime: 1000,
  nodes: [
    node(1, '(root)', '', [2, 3, 4, 5, 7]),
    node(2, '(idle)'),
    node(3, '(garbage collector)'),
    node(4, 'execute', 'file:///somewhere/src/db/execute.ts'),
    node(5, 'check', 'node:_http_outgoing', [6, 8]),
    node(6, 'RegExp: x'),
    node(7, '(program)'),
    node(8, 'writeUtf8String'),
  ],
  samples: [4, 2, 4, 6, 8, 3, 7, 4],
  timeDeltas: [10, 10, 10, 40, 20, 10, 10, 10],
}

test('self time goes to who wrote the code, a native function’s to its caller, idle time to nobody', async (t) => {
  const { rooms, samples } = summarize(PROFILE, { from: 1015, to: 1115 })
  t.equal(samples, 5)
  t.same(
    rooms.map(({ name, part }) => [name, Math.round(100 * part)]),
    [
      ['SQLite', 44],
      ['Node’s HTTP, streams and timers', 22],
      ['writing to sockets', 11],
      ['garbage collection', 11],
      ['the rest of V8 and Node', 11],
    ],
  )
  t.match(rooms[0]?.functions, [{ name: 'execute' }])
})

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../durable-otlp-exporter/exporting.ts'
import { Client } from '../proof/client.ts'
import { kind } from '../proof/kinds.ts'
import { Load } from './load.ts'
import { RequestLedger } from './request-ledger.ts'

const KINDS = { home: kind('home', '/', { path: '/' }) }

async function listen(t: Test, answer: (response: ServerResponse) => void) {
  const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function loadOf(t: Test, url: string): { load: Load; ledger: RequestLedger } {
  const ledger = new RequestLedger({ withJourneys: true })
  const client = new Client(url, 2)
  t.teardown(() => client.close())
  const random = () => 0
  const load = new Load({ clients: [client], kinds: KINDS, ledger, rate: 500, random, onSent: () => {} })
  return { load, ledger }
}

t.test('a server that stalls delays no request, and each counts from when it was due', async (t) => {
  const held: ServerResponse[] = []
  let isReleased = false
  const { url } = await listen(t, (response) => void (isReleased ? response.end() : held.push(response)))
  const { load, ledger } = loadOf(t, url)
  const startedAt = performance.now()
  load.start()
  await until(() => ledger.sent >= 100)
  t.equal(ledger.completed, 0)
  t.equal(held.length, 2, 'the others wait for a connection')
  isReleased = true
  const stalledMs = performance.now() - startedAt
  for (const response of held) response.end()
  await load.stop()
  t.equal(ledger.completed, ledger.sent)
  t.strictSame([...ledger.views], [['page:home', ledger.sent]])
  t.equal(ledger.latencies.length, ledger.sent)
  t.ok(
    ledger.latencies.filter((latency) => latency >= stalledMs / 2).length >= 50,
    'the first half waited for more than half of the stall, though two alone were on their way',
  )
})

t.test('who is cut off is unknown, and who is refused was never let in', async (t) => {
  const { server, url } = await listen(t, (response) => void response.socket?.resetAndDestroy())
  const cut = loadOf(t, url)
  cut.load.start()
  await until(() => cut.ledger.sent >= 10)
  await cut.load.stop()
  t.match(cut.ledger, { completed: 0, notLetIn: 0, unknownCount: cut.ledger.sent })
  t.equal(cut.ledger.journeys?.filter(({ isAnswered }) => !isAnswered).length, cut.ledger.sent)

  server.close()
  await once(server, 'close')
  const refused = loadOf(t, url)
  refused.load.start()
  await until(() => refused.ledger.sent >= 10)
  await refused.load.stop()
  t.match(refused.ledger, { completed: 0, unknownCount: 0, notLetIn: refused.ledger.sent })
  t.strictSame(refused.ledger.journeys, [])
})

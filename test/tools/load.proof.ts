import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bottleneckOf } from '../../tools/loading/bottleneck.ts'
import { Latencies } from '../../tools/loading/latencies.ts'
import { PAGE_NAMES, readMix } from '../../tools/loading/pages.ts'
import { resolveTarget } from '../../tools/loading/target.ts'
import { temporaryFolder } from '../support/harness.ts'
import { tableOf } from '../support/members.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { startService } from '../support/service.ts'
import { runScript, startCommand } from './run-command.ts'

// Most of the time they wait for the clock.
t.jobs = 4

async function listen(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const sumOf = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)

t.test('what it reports is what the service counted', { buffered: true }, async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const file = join(temporaryFolder(t), 'rollcall.db')
  const env = {
    DATABASE_URL: `sqlite:${file}`,
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    // A machine that is busy with other tests must not make errors.
    HANDLER_TIMEOUT_MS: '60000',
  }
  const password = 'correct horse battery staple'
  const seeding = ['--users', '30', '--polls', '5', '--votes', '60', '--friends', '2', '--password', password]
  const seeded = await runScript('seed', seeding, { DATABASE_URL: env.DATABASE_URL })
  t.equal(seeded.code, 0, seeded.stderr)
  const service = await startService(t, { env })
  const load = (...args: string[]) =>
    runScript('load', [
      '--url',
      service.url,
      '--rate',
      '150',
      '--duration',
      '1',
      '--timeout',
      '60',
      '--json',
      ...args,
    ])
  const [usual, chosen, known] = await Promise.all([
    load('--visitors', '2'),
    load('--mix', 'home=1,full=3'),
    load('--mix', 'account,app', '--visitors', '1', '--password', password),
  ])
  t.same([usual.code, chosen.code, known.code], [0, 0, 0], usual.stdout + chosen.stdout + known.stdout)
  t.equal(known.stderr.includes('leave'), false, 'a seeded visitor is let out of both sessions')
  service.kill('SIGTERM')
  await service.exited

  const runs = [usual, chosen, known].map(({ stdout }) => JSON.parse(stdout))
  const [first, second] = runs
  const asked = (name: string) => runs.reduce((sum, { pages }) => sum + (pages[name]?.requests ?? 0), 0)
  t.same([first.total.requests, second.total.requests], [150, 150])
  t.same(
    [first.visitors, second.visitors],
    [
      { count: 2, isSignedUp: true },
      { count: 3, isSignedUp: true },
    ],
  )
  t.same(Object.keys(second.pages), ['home', 'full'])
  t.ok(asked('full') > asked('home'))
  const visitors = 2 + 3
  const browsers = 2
  // Logs in twice, and out of the one session; a form leads on, which is no view of its own.
  const seededVisit = { loginViews: 2, requests: 4 }
  const expected = {
    '{"page":"home"}': asked('home') + asked('app'),
    '{"page":"community"}':
      asked('community') +
      asked('full') +
      asked('search') +
      asked('user') +
      asked('app-community') +
      asked('app-user'),
    '{"page":"friends"}': asked('friends') + asked('requests') + asked('app-friends'),
    // Which polls there are is asked once.
    '{"page":"polls"}': asked('polls') + asked('app-polls') + 1,
    '{"page":"vote"}': asked('vote') + asked('app-poll'),
    '{"page":"results"}': asked('results') + asked('app-results'),
    '{"page":"toolkit"}': asked('toolkit') + asked('app-toolkit'),
    '{"page":"videos"}': asked('videos'),
    '{"page":"playlist"}': asked('playlist'),
    '{"page":"location"}': asked('app-location'),
    '{"page":"news"}': asked('news') + asked('app-news'),
    '{"page":"signup"}': visitors,
    // A browser's log-in leads to the start page, which nobody looks at.
    '{"page":"login"}': visitors + seededVisit.loginViews,
    '{"page":"account"}': asked('account') + visitors,
  }
  // Chance may pass over a page of a small weight.
  const visited = Object.entries(expected).filter(([, views]) => views > 0)
  t.ok(visited.length > 10)
  t.same(receiver.totals('web.page_views'), Object.fromEntries(visited))
  const left = tableOf(file, 'users').filter(({ seed_number }) => seed_number === null)
  t.same(left, [], 'the accounts that it signed up are gone')
  t.equal(tableOf(file, 'votes').length, 60, 'and their votes')
  t.same(tableOf(file, 'sessions'), [], 'nobody stays logged in')
  const beside = 3 * visitors + browsers + 1 + seededVisit.requests
  t.equal(sumOf(receiver.totals('http.server.request.duration')), 450 + beside)
})

t.test('a stall shows in every request that was due meanwhile', { buffered: true }, async (t) => {
  /** Answers at once, but for two seconds nothing. */
  const stalling = (): RequestListener => {
    let stallsAt = 0
    return (_, response) => {
      const now = performance.now()
      stallsAt ||= now + 250
      const isStalled = now >= stallsAt && now < stallsAt + 2000
      setTimeout(() => response.end('ok'), isStalled ? stallsAt + 2000 - now : 0)
    }
  }
  const load = async (...args: string[]) => {
    const url = await listen(t, stalling())
    return runScript('load', [
      '--url',
      url,
      '--mix',
      'home',
      '--rate',
      '100',
      '--duration',
      '4',
      '--json',
      ...args,
    ])
  }
  const [open, bounded] = await Promise.all([load(), load('--max-in-flight', '40')])
  t.equal(open.code, 0, open.stderr)
  const { total } = JSON.parse(open.stdout)
  t.equal(total.requests, 400)
  // Half of the requests are due in the stall, and of those each tenth waits 0.2 s longer. A closed loop with a few
  // connections would show a handful of slow requests, and a good p95.
  t.ok(total.latencyMs.p90 >= 1500, `p90 ${total.latencyMs.p90}`)
  t.ok(total.latencyMs.p95 >= 1700, `p95 ${total.latencyMs.p95}`)
  t.ok(total.latencyMs.max >= 1900, `max ${total.latencyMs.max}`)

  t.equal(bounded.code, 1)
  const limited = JSON.parse(bounded.stdout)
  t.equal(limited.total.requests, 400, 'none is passed over in silence')
  t.equal(limited.sent + limited.total.errors['not sent'], 400)
  t.ok(limited.total.errors['not sent'] >= 100)
  t.match(bounded.stderr, /^\d+ of 400 requests failed or could not be sent; the report says how\.\n$/m)
  t.match(limited.bottleneck, /^(service|machine)$/, 'as busy as this machine is with other tests')
  t.same(fieldsOf(limited).sort(), documentedFields().sort(), 'what docs/load.md promises')
})

t.test('a stall of the load itself shows too', { buffered: true }, async (t) => {
  let count = 0
  const url = await listen(t, (_, response) => {
    response.end()
    if (++count !== 50) return
    load.child.kill('SIGSTOP')
    setTimeout(() => load.child.kill('SIGCONT'), 2000)
  })
  const load = startCommand('load', [
    '--url',
    url,
    '--mix',
    'home',
    '--rate',
    '100',
    '--duration',
    '4',
    '--json',
  ])
  const { code, stdout } = await load.ended
  t.equal(code, 0)
  // As above, though each of them is answered at once when it is sent.
  const { total, bottleneck, latenessMs } = JSON.parse(stdout)
  t.equal(total.requests, 400)
  t.ok(total.latencyMs.p90 >= 1500 && total.latencyMs.p95 >= 1700, JSON.stringify(total.latencyMs))
  t.ok(latenessMs.p90 >= 1500)
  t.equal(bottleneck, 'machine')
})

/** Of the report; what is below percentiles, pages and the total is theirs. */
function fieldsOf(report: Record<string, unknown>): string[] {
  return Object.entries(report).flatMap(([name, value]) =>
    ['visitors', 'sender'].includes(name)
      ? Object.keys(value as object).map((each) => `${name}.${each}`)
      : [name],
  )
}

function documentedFields(): string[] {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'load.md'), 'utf8')
  const [, table = ''] = /<!-- json.*?-->\n(.*?)<!-- \/json -->/s.exec(page) ?? []
  const firstCells = table
    .split('\n')
    .slice(2)
    .map((line) => line.split('|')[1] ?? '')
  return firstCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
}

t.test('whose limit was met', async (t) => {
  const run = (cpu: number, busy: number, lateMs: number, unanswered = 0, error?: string) => {
    const lateness = new Latencies()
    lateness.record(lateMs)
    const errors = new Map(error === undefined ? [] : [[error, 1]])
    return bottleneckOf({
      ratePerSecond: 100,
      sender: { cpu, busy },
      lateness,
      unanswered,
      total: { errors },
    })
  }
  t.equal(run(0.3, 0.4, 1), undefined)
  t.equal(run(0.95, 0.99, 200), 'client')
  t.equal(run(0.95, 0.99, 200, 1000, 'not sent'), 'client', 'what it cannot send is not the service’s fault')
  t.equal(run(0.95, 0.99, 1), undefined, 'at its limit, and still in time')
  t.equal(run(0.3, 0.99, 200), 'machine', 'it waits for a processor')
  t.equal(run(0.1, 0.3, 200, 1000, 'not sent'), 'machine', 'and so, perhaps, does the service')
  t.equal(run(0.3, 0.4, 1, 101), 'service')
  t.equal(run(0.3, 0.4, 1, 100), undefined)
  t.equal(run(0.3, 0.4, 1, 0, 'not sent'), 'service')
  t.equal(run(0.3, 0.4, 200, 0, 'time-out'), 'service')
  t.equal(run(0.3, 0.4, 1, 0, 'status 503'), undefined)
})

t.test('a service that is too slow, or goes away, is named', { buffered: true }, async (t) => {
  let turn = Promise.resolve()
  const slow = await listen(t, (_, response) => {
    // One after the other, 20 ms each: 50 a second.
    turn = turn.then(() => new Promise((resolve) => setTimeout(resolve, 20))).then(() => void response.end())
  })
  const mortal = createServer((_, response) => {
    response.end()
    if (++answered === 30) {
      mortal.close()
      mortal.closeAllConnections()
    }
  })
  let answered = 0
  await new Promise<void>((resolve) => mortal.listen(0, '127.0.0.1', resolve))
  const gone = `http://127.0.0.1:${(mortal.address() as AddressInfo).port}`
  const load = (url: string, ...args: string[]) =>
    runScript('load', [
      '--url',
      url,
      '--mix',
      'home',
      '--rate',
      '100',
      '--duration',
      '2',
      '--timeout',
      '60',
      ...args,
    ])
  const [tooSlow, dead] = await Promise.all([load(slow), load(gone, '--json')])
  t.equal(tooSlow.code, 0, tooSlow.stderr)
  t.match(
    tooSlow.stdout,
    /^(The service did not keep up|This machine was the bottleneck).* Of the requests, \d+ were unanswered when the last one left\. /m,
  )
  t.equal(dead.code, 1)
  const { total } = JSON.parse(dead.stdout)
  t.equal(total.requests, 200)
  t.ok(total.errors.refused > 100, JSON.stringify(total.errors))
  t.ok(total.requests - sumOf(total.errors) <= answered, 'no more than there were')
})

/** As the service answers, but for some paths. */
function like(answers: Record<string, (response: ServerResponse) => unknown>): RequestListener {
  return (request, response) => {
    const own = answers[`${request.method} ${request.url}`]
    if (own) own(response)
    else if (request.method === 'POST')
      response.writeHead(201).end(JSON.stringify({ id: 1, token: 'T', user: { id: 1 } }))
    else response.writeHead(request.method === 'DELETE' ? 204 : 200).end('{}')
  }
}

t.test('visitors who cannot log in, or leave, are spoken of', { buffered: true }, async (t) => {
  const load = async (listener: RequestListener, ...args: string[]) => {
    const url = await listen(t, listener)
    return startCommand('load', [
      '--url',
      url,
      '--rate',
      '20',
      '--duration',
      '1',
      '--mix',
      'account',
      ...args,
    ])
  }
  const results = await Promise.all([
    load(like({ 'POST /v1/users': (response) => response.writeHead(429, { 'retry-after': '7' }).end() })),
    load(like({ 'POST /v1/sessions': (response) => response.writeHead(401).end() }), '--password', 'wrong'),
    load(like({ 'POST /v1/sessions': (response) => response.writeHead(503).end() })),
    load(like({ 'DELETE /v1/me': (response) => response.writeHead(503).end() })),
  ]).then((started) => Promise.all(started.map(({ ended }) => ended)))
  t.match(results[0], {
    code: 1,
    stdout: '',
    stderr: /^Signing up is limited, .* try again in 7 s, or give the --password of /,
  })
  t.match(results[1], {
    code: 1,
    stdout: '',
    stderr: /^The demo account has another password; give the --password that /,
  })
  t.match(results[2], {
    code: 1,
    stdout: '',
    stderr: 'Logging in was answered with 503, because the service is busy; try again in 60 s.\n',
  })
  t.match(results[3], { code: 0, stderr: /their accounts \(visitor-…@load\.example\) are still there\.\n$/ })

  let deleted = 0
  const patient = await load(
    like({
      // The third visitor comes after the interrupt, if any.
      'POST /v1/sessions': (response) => {
        if (++logins === 2) patient.child.kill('SIGINT')
        setTimeout(
          () => response.writeHead(201).end('{"token": "T", "user": {"id": 1}}'),
          logins === 2 ? 300 : 0,
        )
      },
      'DELETE /v1/me': (response) => {
        deleted += 1
        response.writeHead(204).end()
      },
    }),
    '--visitors',
    '1000',
  )
  let logins = 0
  const interrupted = await patient.ended
  t.match(interrupted, {
    code: 130,
    stdout: /^0 requests in \d+\.\d s to (?:.|\n)*\n\nNothing was sent\.\n$/,
  })
  t.same([logins, deleted], [2, 2], 'no more come, and those who came are deleted')
})

t.test(
  'without polls the usual mix goes without votes, and a chosen one is refused',
  { buffered: true },
  async (t) => {
    let deleted = 0
    const listener = like({
      'POST /app/log-in': (response) => response.writeHead(303, { 'set-cookie': 'a=b; Path=/' }).end(),
      'GET /v1/polls': (response) => response.end('{"data":[]}'),
      'GET /v1/me': (response) => response.writeHead(303, { location: '/app/log-in' }).end(),
      'DELETE /v1/me': (response) => {
        deleted += 1
        response.writeHead(204).end()
      },
    })
    const load = async (...args: string[]) => {
      const url = await listen(t, listener)
      return runScript('load', ['--url', url, '--rate', '50', '--duration', '1', '--json', ...args])
    }
    const chosen = await load('--mix', 'home,vote', '--visitors', '2')
    t.match(chosen, { code: 1, stdout: '' })
    t.equal(
      chosen.stderr,
      'The pages vote need polls that are not there; npm run seed -- --users N --polls P makes some.\n',
    )
    t.equal(deleted, 2, 'the accounts that it signed up are gone')

    const usual = await load()
    t.match(
      usual.stderr,
      /^Left out of the mix: vote, results, app-poll, app-results need polls that are not there; /,
    )
    const { pages } = JSON.parse(usual.stdout)
    const led = JSON.parse((await load('--mix', 'account')).stdout)
    t.notOk('vote' in pages || 'results' in pages)
    t.same(led.total.errors, { 'status 303': 50 }, 'a redirect is no page')
  },
)

t.test('failures are told apart, and bytes are counted', { buffered: true }, async (t) => {
  const failing = (): RequestListener => {
    let count = 0
    return (request, response) => {
      count += 1
      if (count % 5 === 1) response.writeHead(503).end('busy')
      else if (count % 5 === 2) request.socket.resetAndDestroy()
      else if (count % 5 === 3) response.writeHead(200, { 'content-length': 10 }).flushHeaders()
      else response.end('answered')
    }
  }
  const load = async (...args: string[]) => {
    const url = await listen(t, failing())
    return runScript('load', [
      '--url',
      url,
      '--mix',
      'home',
      '--rate',
      '40',
      '--duration',
      '1',
      '--timeout',
      '4',
      ...args,
    ])
  }
  const [json, text] = await Promise.all([load('--json'), load()])
  const { total, pages } = JSON.parse(json.stdout)
  t.same(total.errors, { 'status 503': 8, reset: 8, 'time-out': 8 })
  t.equal(total.bytes, 8 * 4 + 16 * 8)
  t.same(pages.home, total)
  t.same([json.code, text.code], [1, 1])
  t.match(text.stdout, /^home +40 +[\d.,]+ .* 24 +160 B$/m)
  t.match(text.stdout, /^home +time-out +8$/m)
  t.match(text.stderr, '24 of 40 requests failed or could not be sent; the report says how.\n')
})

t.test('who interrupts it gets the report so far', { buffered: true }, async (t) => {
  let count = 0
  const url = await listen(t, (_, response) => {
    count += 1
    if (count !== 3) response.end()
    if (count === 20) load.child.kill('SIGINT')
  })
  const load = startCommand('load', [
    '--url',
    url,
    '--mix',
    'home',
    '--rate',
    '100',
    '--duration',
    '600',
    '--json',
  ])
  const { code, stdout } = await load.ended
  t.equal(code, 130)
  const report = JSON.parse(stdout)
  t.equal(report.wasInterrupted, true)
  t.equal(report.total.requests, report.sent)
  t.ok(report.sent >= count && report.sent < 600 * 100, `${report.sent} sent, ${count} arrived`)
  t.ok(report.total.errors['cut off'] >= 1, 'the one without an answer')
})

t.test('it stays on this machine unless told', { buffered: true }, async (t) => {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  for (const { address, family } of own) {
    const host = family === 'IPv6' ? `[${address}]` : address
    t.match(await resolveTarget(`http://${host}:81`, { allowRemote: false }), { address, port: 81 })
  }
  t.match(await resolveTarget('http://localhost', { allowRemote: false }), { host: 'localhost', port: 80 })
  // Addresses for documentation (RFC 5737, RFC 3849): nobody has them.
  for (const host of ['192.0.2.7', '[2001:db8::7]']) {
    const url = `http://${host}:3000`
    await t.rejects(resolveTarget(url, { allowRemote: false }), {
      message: `${host}:3000 is not on this machine, and load that its owner does not expect is an attack; give --allow-remote if they agreed.`,
    })
    t.match(await resolveTarget(url, { allowRemote: true }), {
      address: host.replace(/[[\]]/g, ''),
      port: 3000,
    })
  }
})

t.test('what cannot be is refused in one sentence', { buffered: true }, async (t) => {
  t.throws(() => readMix('home,wiki=2'), {
    message: `--mix has "wiki=2"; give name=weight, in whole numbers, of ${PAGE_NAMES.join(', ')}, with commas between.`,
  })
  t.throws(() => readMix('home=-1'), { message: /^--mix has "home=-1"; / })
  t.throws(() => readMix('home=0.5'), {
    message: /^--mix has "home=0\.5"; give name=weight, in whole numbers, of /,
  })
  t.throws(() => readMix('home=1,user,home=2'), { message: '--mix has home twice; give each page once.' })
  t.throws(() => readMix('home=0'), {
    message: '--mix has no page with a weight above 0; give one at least.',
  })
  for (const url of ['127.0.0.1:3000', 'http://127.0.0.1/v1', 'https://127.0.0.1', ''])
    await t.rejects(resolveTarget(url, { allowRemote: true }), {
      message: /; give it as http:\/\/host:port, /,
    })

  const refused: [args: string[], code: number, sentence: RegExp][] = [
    [['--mix', 'wiki'], 2, /^--mix has "wiki"; .*\.\n$/],
    [['--url', 'http://192.0.2.7'], 1, /^192\.0\.2\.7 is not on this machine, .*\.\n$/],
    // Port 1 is nobody's.
    [['--url', 'http://127.0.0.1:1'], 1, /^The service does not answer \(refused\); start it .*\.\n$/],
  ]
  await Promise.all(
    refused.map(async ([args, code, sentence]) => {
      const result = await runScript('load', ['--rate', '10', '--duration', '1', ...args])
      t.match(result, { code, stdout: '', stderr: sentence }, args.join(' '))
    }),
  )
})

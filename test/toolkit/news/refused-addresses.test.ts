import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, BlockList, createServer, type LookupFunction, type Server } from 'node:net'
import { type Test, test } from 'tap'
import { FeedClient } from '../../../src/toolkit/news/feed-client.ts'
import type { FeedError } from '../../../src/toolkit/news/feed-error.ts'
import { type Networks, networks } from '../../../src/toolkit/news/networks.ts'

const NONE = new BlockList()
const NO_VALIDATORS = { etag: null, lastModified: null }

/** Each way to write an address of the listener, or one of a network that is nobody's. */
const HOSTS = [
  // Loopback, in every spelling that a URL takes.
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '2130706433',
  '017700000001',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '0177.0.0.01',
  '0x7F.1',
  '127.0x0.0.1',
  '%31%32%37.0.0.1',
  '１２７.0.0.1',
  '127。0。0。1',
  '①②⑦.0.0.1',
  'localhost',
  'LOCALHOST.',
  'ｌocalhost',
  // This network, private ones, carriers, link-local with the metadata of clouds.
  '0.0.0.0',
  '0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.100.100.200',
  '100.127.255.254',
  '168.63.129.16',
  '169.254.0.1',
  '169.254.169.254',
  '0xA9FEA9FE',
  '172.16.0.1',
  '172.31.255.254',
  '192.168.0.1',
  '192.168.255.254',
  '3232235521',
  // Documentation, benchmarks, protocol assignments, relays, multicast, reserved, broadcast.
  '192.0.0.1',
  '192.0.0.170',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.19.255.254',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  // IPv6: loopback, unspecified, and IPv4 within it: mapped, compatible, translated, NAT64, 6to4, Teredo.
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[0000::0001]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:127.0.0.1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:169.254.169.254]',
  '[::ffff:8.8.8.8]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::1]',
  '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
  // Link-local, unique local, site-local, discard, benchmarks, ORCHID, documentation, segment routing, multicast.
  '[fe80::1]',
  '[febf::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fdff::1]',
  '[fec0::1]',
  '[100::1]',
  '[2001:2::1]',
  '[2001:10::1]',
  '[2001:20::1]',
  '[2001:db8::1]',
  '[3fff::1]',
  '[5f00::1]',
  '[4000::1]',
  '[ff02::1]',
  '[ff0e::1]',
]

/** Spellings that are no address of any host. */
const NO_URLS = [
  '[fe80::1%25lo]',
  '[fe80::1%lo]',
  '127.0.0.256',
  '1.2.3.4.5',
  '0x100000000',
  '[::1',
  '127.0.0.1@',
]

/** Stands for a public host. */
const STAND_IN = '127.0.0.9'

/** Where nothing may arrive: it listens on all addresses of the machine and counts the connections. */
async function openListener(t: Test): Promise<{ port: number; connections: () => number }> {
  let count = 0
  const server = createServer((socket) => {
    if (!socket.localAddress?.endsWith(STAND_IN)) count++
    socket.destroy()
  })
  t.teardown(() => server.close())
  return { port: await listen(server), connections: () => count }
}

async function listen(server: Server, host?: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return (server.address() as AddressInfo).port
}

/** The rule for port 80, at every port. */
const anyPort = (of: Networks): Networks => ({ refusedAt: () => of.refusedAt(80) })

function clientOf(options: { networks: Networks; lookup?: LookupFunction }) {
  const client = new FeedClient({ userAgent: 'test', observe: () => {}, ...options })
  return async (url: string): Promise<string> => {
    try {
      return String((await client.get(url, NO_VALIDATORS, AbortSignal.timeout(2000))).status)
    } catch (error) {
      return (error as FeedError).code ?? String(error)
    }
  }
}

/** Answers each question with the next list of addresses; the last one stays. */
function resolver(...answers: string[][]): LookupFunction {
  let asked = 0
  return (_name, _options, callback) => {
    const addresses = answers[Math.min(asked++, answers.length - 1)] as string[]
    const answer = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    setImmediate(callback, null, answer)
  }
}

test('no spelling of a special address reaches what listens there, by http or https', async (t) => {
  const { port, connections } = await openListener(t)
  const special = anyPort(networks(NONE))
  const get = clientOf({ networks: special })
  t.ok(HOSTS.length >= 60, String(HOSTS.length))
  for (const scheme of ['http', 'https'])
    for (const host of HOSTS)
      t.match(
        await get(`${scheme}://${host}:${port}/`),
        /^(port-refused|no-public-address)$/,
        `${scheme} ${host}`,
      )
  for (const host of NO_URLS) t.notOk(URL.canParse(`http://${host}:${port}/`), `${host} is no host`)
  t.equal(connections(), 0)

  // The listener counts: without the rule the same requests arrive.
  const open = clientOf({ networks: { refusedAt: () => NONE } })
  for (const url of [`http://127.0.0.1:${port}/`, `https://localhost:${port}/`])
    t.equal(await open(url), 'unreachable')
  t.equal(connections(), 2)
})

test('a name that resolves to special addresses, at once or the next time, leads nowhere', async (t) => {
  const { port, connections } = await openListener(t)
  const standIn = new BlockList()
  standIn.addAddress(STAND_IN)
  const special = anyPort(networks(standIn))
  const lists = [
    ['127.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['169.254.169.254'],
    ['10.0.0.1', '192.168.0.1', 'fd00::1'],
    ['::1', '127.0.0.1', 'fe80::1'],
    [STAND_IN, '127.0.0.1'],
    [STAND_IN, '::1', '127.0.0.1'],
    // By https, a TLS socket on one that went on to the next address ended the process with a segmentation fault.
    ['127.0.0.1', STAND_IN],
  ]
  for (const scheme of ['http', 'https'])
    for (const list of lists) {
      const get = clientOf({ networks: special, lookup: resolver(list) })
      t.match(
        await get(`${scheme}://rebinding.example:${port}/`),
        /^(port-refused|no-public-address|unreachable|timeout)$/,
        `${scheme} ${list}`,
      )
    }
  const rebinding = clientOf({
    networks: special,
    lookup: resolver([STAND_IN], ['127.0.0.1'], ['::1'], [STAND_IN, '127.0.0.1']),
  })
  for (let time = 1; time <= 5; time++) t.not(await rebinding(`http://rebinding.example:${port}/`), '200')
  t.equal(connections(), 0)
})

test('a redirect is checked as the first address was', async (t) => {
  const { port, connections } = await openListener(t)
  let redirected = 0
  const server = createHttpServer((request, response) => {
    redirected++
    const location = Buffer.from(new URL(request.url as string, 'http://x').searchParams.get('to') ?? '')
    response.writeHead(Number(request.url?.slice(1, 4)), { location: location.toString('latin1') }).end()
  })
  t.teardown(() => server.close())
  const publicPort = await listen(server, '127.0.0.1')
  // What listens on this port stands for a public host.
  const special: Networks = {
    refusedAt: (at) => (at === publicPort ? NONE : networks(NONE).refusedAt(80)),
  }
  const get = clientOf({ networks: special, lookup: resolver(['127.0.0.1']) })
  const to = (target: string, status = 302) =>
    get(`http://public.example:${publicPort}/${status}?${new URLSearchParams({ to: target })}`)
  const targets = HOSTS.filter((_, index) => index % 4 === 0).map((host) => `http://${host}:${port}/`)
  targets.push(
    `//127.0.0.1:${port}/`,
    `https://127.0.0.1:${port}/`,
    `http://user:password@localhost:${port}/`,
  )
  // The name of a public host, which resolves otherwise now.
  targets.push(`http://public.example:${port}/`)
  for (const status of [301, 302, 303, 307, 308])
    for (const target of targets)
      t.match(
        await to(target, status),
        /^(port-refused|no-public-address|bad-redirect)$/,
        `${status} ${target}`,
      )
  for (const target of [
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'data:text/xml,x',
    'ftp://x/',
    'http://[',
    '',
  ])
    t.match(await to(target), /^(bad-redirect|too-many-redirects|unreachable)$/, target)
  t.ok(redirected > 60)
  t.equal(connections(), 0)
})

test('a name that is known inside is refused in the same words as one that nobody knows, at every port', async (t) => {
  const unknown =
    (code: string): LookupFunction =>
    (name, _options, callback) =>
      setImmediate(callback, Object.assign(new Error(`getaddrinfo ${code} ${name}`), { code }), [])
  for (const port of [80, 443, 8080]) {
    const told = async (lookup: LookupFunction) =>
      clientOf({ networks: networks(NONE), lookup })(`http://name.internal:${port}/`)
    const inside = await told(resolver(['10.0.0.1']))
    for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL'])
      t.equal(await told(unknown(code)), inside, `${port} ${code}`)
  }
})

test('a resolver that answers at once does no harm', async (t) => {
  const lookup: LookupFunction = (_name, _options, callback) =>
    callback(null, [{ address: '127.0.0.1', family: 4 }])
  for (const scheme of ['http', 'https'])
    t.not(await clientOf({ networks: networks(NONE), lookup })(`${scheme}://public.example/`), '200')
})

test('only the usual ports are asked, but of allowed addresses every one', async (t) => {
  const { port, connections } = await openListener(t)
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '8.8.8.8', '[2606:4700::1111]'])
    for (const at of [port, 22, 25, 6379, 8080, 65_535])
      t.equal(
        await clientOf({ networks: networks(NONE) })(`http://${host}:${at}/`),
        'port-refused',
        `${host}:${at}`,
      )
  t.equal(connections(), 0)

  const allowed = new BlockList()
  allowed.addSubnet('127.0.0.0', 8)
  const get = clientOf({ networks: networks(allowed), lookup: resolver(['127.0.0.1']) })
  t.equal(await get(`http://127.0.0.1:${port}/`), 'unreachable')
  t.equal(await get(`http://a.name.example:${port}/`), 'unreachable')
  t.equal(connections(), 2)
  t.equal(await get(`http://10.0.0.1:${port}/`), 'port-refused')
  t.equal(await get('http://10.0.0.1/'), 'no-public-address')
})

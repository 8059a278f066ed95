import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { test } from 'tap'

const ROOT = join(import.meta.dirname, '..')

/** What a room with a feature in it may know: no other feature. */
const FEATURE = ['config.ts', 'db', 'errors.ts', 'html', 'http', 'sessions', 'users']

/**
 * Which rooms of the service may know which others; a room knows itself. From top to bottom, and nothing points back.
 * A folder that is not here is a feature.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'server.ts': ['config.ts', 'process', 'service.ts'],
  process: ['allowed.ts', 'config.ts', 'db', 'errors.ts', 'http', 'service.ts', 'telemetry'],
  'service.ts': ['app.ts', 'checks', 'config.ts', 'db', 'http', 'telemetry'],
  // And every feature.
  'app.ts': [
    'account',
    'config.ts',
    'db',
    'errors.ts',
    'home',
    'html',
    'http',
    'passwords',
    'sessions',
    'telemetry',
    'toolkit',
  ],
  account: [...FEATURE, 'passwords'],
  sessions: ['config.ts', 'db', 'errors.ts', 'html', 'http', 'passwords', 'users'],
  toolkit: [...FEATURE, 'turns.ts'],
  home: ['db', 'errors.ts', 'html'],
  html: ['errors.ts'],
  passwords: ['db', 'errors.ts', 'http', 'turns.ts', 'users'],
  users: ['errors.ts', 'http'],
  checks: ['config.ts', 'db', 'telemetry'],
  // Its one link to the application: the port that the database layer offers to whoever measures it.
  telemetry: ['config.ts', 'db', 'migrations'],
  http: ['config.ts', 'errors.ts'],
  db: ['migrations', 'turns.ts'],
  'turns.ts': [],
  'config.ts': ['allowed.ts'],
  'allowed.ts': [],
  // One error of the database has a problem of its own.
  'errors.ts': ['db'],
}

/** The commands and the packages; `src` stands for the whole service. */
const PARTS_MAY_IMPORT: Record<string, readonly string[]> = {
  tools: [
    'src',
    '@rollcall/otlp',
    '@rollcall/viewer',
    '@rollcall/durable-otlp-exporter',
    '@rollcall/fastify-route-telemetry',
  ],
  src: [
    'migrations',
    '@rollcall/durable-otlp-exporter',
    '@rollcall/fastify-route-telemetry',
    '@rollcall/viewer',
  ],
  migrations: [],
  '@rollcall/viewer': ['@rollcall/otlp'],
  '@rollcall/durable-otlp-exporter': [],
  '@rollcall/fastify-route-telemetry': [],
  '@rollcall/otlp': [],
}

interface Import {
  file: string
  /** A path from the root for a file of ours, and else the name of a package. */
  to: string
}

function imports(pattern: string): Import[] {
  return globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules/**'] }).flatMap((file) => {
    const specifiers = readFileSync(join(ROOT, file), 'utf8').matchAll(
      /^(?:import|export)\b[^'"]*?from '([^']+)'|^import '([^']+)'/gm,
    )
    return [...specifiers].map(([, named, bare]) => {
      const specifier = (named ?? bare) as string
      const to = specifier.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), specifier)) : specifier
      return { file, to }
    })
  })
}

/** Room of a file of the service: the folder below `src`, or the file. */
function roomOf(path: string): string | undefined {
  const [top, room] = path.split(sep)
  return top === 'src' ? room : top === 'migrations' ? top : undefined
}

/** Part of a file, or of the package that is imported; undefined for a package of somebody else's. */
function partOf(pathOrName: string): string | undefined {
  const [top, name] = pathOrName.split('/') as [string, string]
  if (top === '@rollcall') return `@rollcall/${name}`
  if (top === 'packages') return `@rollcall/${name}`
  return top in PARTS_MAY_IMPORT ? top : undefined
}

const SERVICE = imports('src/**/*.ts')
const ALL = imports('{src,tools,migrations,packages}/**/*.ts')

test('rooms know only those below them', (t) => {
  t.ok(SERVICE.length > 200)
  const rooms = [...new Set(SERVICE.map(({ file }) => roomOf(file) as string))]
  const features = rooms.filter((room) => !(room in MAY_IMPORT))
  t.strictSame(
    features.filter((room) => room.endsWith('.ts')),
    [],
    'a file beside the rooms has a rule of its own',
  )
  const mayImport = (from: string, room: string) =>
    (MAY_IMPORT[from] ?? FEATURE).includes(room) || (from === 'app.ts' && features.includes(room))
  const stray = SERVICE.filter(({ file, to }) => {
    const [from, room] = [roomOf(file) as string, roomOf(to)]
    return room !== undefined && room !== from && !mayImport(from, room)
  })
  t.strictSame(stray, [])
  t.end()
})

test('the service knows no command, and no package the service', (t) => {
  const stray = ALL.filter(({ file, to }) => {
    const [from, part] = [partOf(file) as string, partOf(to)]
    return part !== undefined && part !== from && !PARTS_MAY_IMPORT[from]?.includes(part)
  })
  t.strictSame(stray, [])
  t.strictSame(
    globSync('packages/*', { cwd: ROOT }).filter(
      (folder) => !((partOf(folder) as string) in PARTS_MAY_IMPORT),
    ),
    [],
    'every package has its rule',
  )
  const intoPackages = ALL.filter(({ file, to }) => to.startsWith('packages') && partOf(file) !== partOf(to))
  t.strictSame(intoPackages, [], 'a package is imported by its name')
  t.end()
})

test('a package names what it imports among its dependencies', (t) => {
  for (const folder of globSync('packages/*', { cwd: ROOT })) {
    const manifest = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'))
    const { name, exports, dependencies, peerDependencies } = manifest
    t.equal(name, `@rollcall/${basename(folder)}`)
    const used = imports(`${folder}/src/**/*.ts`)
      .map(({ to }) => to)
      .filter((to) => !to.startsWith('packages') && !to.startsWith('node:'))
      .map((to) => /^(@[^/]+\/)?[^/]+/.exec(to)?.[0] as string)
    const named = { ...dependencies, ...peerDependencies }
    t.strictSame([...new Set(used)].filter((module) => !(module in named)).sort(), [], name)
    t.match(
      Object.values(exports),
      Object.values(exports).map(() => /^\.\/src\/.*\.ts$/),
      `${name} is its source; where npm pack was interrupted, run node scripts/pack.ts restore ${folder}`,
    )
  }
  t.end()
})

test('only telemetry knows OpenTelemetry, and only the database layer its driver', (t) => {
  const users = (pattern: RegExp) => [
    ...new Set(
      [...SERVICE, ...imports('tools/**/*.ts')]
        .filter(({ to }) => pattern.test(to))
        .map(({ file }) => roomOf(file) ?? 'tools'),
    ),
  ]
  t.strictSame(users(/^@opentelemetry\//), ['telemetry'])
  t.strictSame(users(/^better-sqlite3$/), ['db'])
  t.strictSame(users(/^argon2$/).sort(), ['passwords', 'tools'])
  t.end()
})

/** Tests of the decoder and of the viewer, and those that hand the product what it decodes. */
const MAY_DECODE_AS_THE_PRODUCT: Record<string, readonly string[]> = {
  '@rollcall/otlp': ['test/otlp/', 'test/viewer/storage.test.ts', 'test/tools/experiment.proof.ts'],
  '@rollcall/viewer': ['test/viewer/', 'test/browser/connection.test.ts'],
}

test('a test that counts what arrived decodes it without the product', (t) => {
  const found = imports('{test,bench}/**/*.ts').map(({ file, to }) => ({
    file: file.split(sep).join('/'),
    to,
  }))
  for (const [part, allowed] of Object.entries(MAY_DECODE_AS_THE_PRODUCT)) {
    const users = new Set(found.filter(({ to }) => partOf(to) === part).map(({ file }) => file))
    const isAllowed = (file: string) => allowed.some((start) => file.startsWith(start))
    t.strictSame([...users].filter((file) => !isAllowed(file)).sort(), [], `${part} is imported by no other`)
    for (const start of allowed)
      t.ok(
        [...users].some((file) => file.startsWith(start)),
        `${start} needs it`,
      )
  }
  const transformers = found.filter(
    ({ file, to }) =>
      to === '@opentelemetry/otlp-transformer' && /^test\/(support|drills|proof)\/(?!.*\.test)/.test(file),
  )
  t.strictSame(transformers, [], 'nor with the serializers that the product sends with')
  t.end()
})

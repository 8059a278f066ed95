import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'tap'

const SOURCES = join(import.meta.dirname, '..', 'src')

/** Which rooms may know which others; a room knows itself. From top to bottom, and nothing points back. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'server.ts': [
    'banner.ts',
    'cli',
    'config.ts',
    'service.ts',
    'shutdown.ts',
    'start-failure.ts',
    'viewer',
    'workers',
  ],
  workers: ['banner.ts', 'config.ts', 'http', 'service.ts', 'shutdown.ts', 'start-failure.ts', 'telemetry'],
  'service.ts': ['app.ts', 'checks', 'config.ts', 'db', 'http', 'telemetry'],
  'start-failure.ts': ['config.ts', 'db'],
  'banner.ts': [],
  'shutdown.ts': ['signal-echo.ts'],
  'signal-echo.ts': [],
  cli: [
    'app.ts',
    'config.ts',
    'errors.ts',
    'db',
    'otlp',
    'passwords',
    'signal-echo.ts',
    'telemetry',
    'users',
    'viewer',
  ],
  'app.ts': [
    'account',
    'community',
    'config.ts',
    'db',
    'errors.ts',
    'friends',
    'home',
    'http',
    'passwords',
    'sessions',
    'telemetry',
  ],
  account: ['config.ts', 'db', 'errors.ts', 'http', 'passwords', 'sessions', 'users'],
  community: ['config.ts', 'db', 'errors.ts', 'http', 'sessions', 'users'],
  friends: ['config.ts', 'db', 'errors.ts', 'http', 'sessions', 'users'],
  sessions: ['config.ts', 'db', 'errors.ts', 'http', 'passwords', 'users'],
  home: ['db', 'errors.ts'],
  viewer: ['otlp'],
  otlp: [],
  passwords: ['db', 'errors.ts', 'http', 'users'],
  users: ['errors.ts', 'http'],
  checks: ['config.ts', 'db', 'telemetry'],
  // Its one link to the application: the port that the database layer offers to whoever measures it.
  telemetry: ['config.ts', 'db'],
  http: ['config.ts', 'errors.ts'],
  db: ['migrations'],
  'config.ts': [],
  // One error of the database has a problem of its own.
  'errors.ts': ['db'],
}

interface Import {
  from: string
  to: string
  file: string
}

function room(path: string): string {
  const [top] = relative(SOURCES, path).split('/') as [string]
  return top === '..' ? (relative(SOURCES, path).split('/')[1] as string) : top
}

function imports(): Import[] {
  return globSync('**/*.ts', { cwd: SOURCES }).flatMap((file) => {
    const path = join(SOURCES, file)
    const specifiers = readFileSync(path, 'utf8').matchAll(
      /^(?:import|export)\b[^'"]*?from '([^']+)'|^import '([^']+)'/gm,
    )
    return [...specifiers].map(([, named, bare]) => {
      const specifier = (named ?? bare) as string
      const to = specifier.startsWith('.') ? room(join(dirname(path), specifier)) : specifier
      return { from: room(path), to, file }
    })
  })
}

test('rooms know only those below them', (t) => {
  const found = imports()
  t.ok(found.length > 200)
  t.strictSame(
    [...new Set(found.map(({ from }) => from))].filter((name) => !(name in MAY_IMPORT)),
    [],
    'every room has its rule',
  )
  const stray = found.filter(({ from, to }) => {
    const isOurs = to in MAY_IMPORT || to === 'migrations'
    return isOurs && from !== to && !MAY_IMPORT[from]?.includes(to)
  })
  t.strictSame(stray, [])
  t.end()
})

test('only telemetry knows OpenTelemetry, and only the database layer its driver', (t) => {
  const users = (pattern: RegExp) => [
    ...new Set(
      imports()
        .filter(({ to }) => pattern.test(to))
        .map(({ from }) => from),
    ),
  ]
  t.strictSame(users(/^@opentelemetry\//), ['telemetry'])
  t.strictSame(users(/^better-sqlite3$/), ['db'])
  t.strictSame(users(/^argon2$/).sort(), ['cli', 'passwords'])
  t.end()
})

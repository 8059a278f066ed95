import { METHODS as PARSED_METHODS } from 'node:http'
import type { Ask } from './client.ts'

/** Every method that Node's parser lets through, but the one that opens a tunnel. */
const METHODS = PARSED_METHODS.filter((method) => method !== 'CONNECT')

const ODD_SEGMENTS = [
  '..',
  '.',
  '%2e%2e',
  '%00',
  '%',
  '%zz',
  '%c0%af',
  '*',
  ':id',
  '{id}',
  '<script>alert(1)</script>',
  "'--",
  '$(id)',
  '%F0%9F%92%A9',
  '1',
  '-1',
  '99999999999999999999',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  'page:home',
  'a'.repeat(300),
  'v1',
  'users',
  'me',
]

const ODD_HEADERS: Array<[string, string[]]> = [
  [
    'traceparent',
    [
      'x',
      '00-00000000000000000000000000000000-0000000000000000-01',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      `00-${'f'.repeat(500)}`,
    ],
  ],
  ['tracestate', ['ot=th:zz', 'ot=rv:0', `a=${'b'.repeat(300)}`, '=,=,']],
  ['baggage', ['page=evil', 'http.route=/evil,page=x', '%%%']],
  ['x-forwarded-proto', ['gopher', 'https,http', 'javascript']],
  ['x-forwarded-host', ['evil.example', 'a b']],
  ['x-http-method-override', ['DELETE', 'EVIL']],
  ['host', ['evil.example', '', '[::1]:x']],
  ['user-agent', ['<script>', 'x'.repeat(4000)]],
  ['authorization', ['Bearer x', 'Basic Zm9vOmJhcg==', 'Bearer \u00e9']],
  ['cookie', ['__Host-sid=x', '=', ';;;', `a=${'b'.repeat(2000)}`]],
  ['accept-version', ['1.x', '*']],
  ['content-type', ['text/html', 'application/json; charset=evil']],
]

/** Paths that match a route, to which hostile query strings and header fields are added. */
const KNOWN_PATHS = ['/', '/healthz', '/v1/me', '/v1/community']

/** What honest use makes of these routes: each method on a path that is there, one that is not, and a malformed one. */
export function honestRequests(): Ask[] {
  return METHODS.flatMap((method) => [
    ...KNOWN_PATHS.map((path) => ({ method, path })),
    { method, path: '/nope' },
    { method, path: '/%zz' },
    { method, path: `/problems/${'x'.repeat(200)}` },
    ...[
      '/v1/users/1',
      '/v1/users',
      '/v1/me/friends/1',
      '/problems/x',
      '/v1/sessions/1',
      '/docs',
      '/openapi.json',
    ].map((path) => ({ method, path })),
    ...['text/html', 'application/json', 'application/json; charset=evil'].flatMap((type) =>
      ['/v1/users', '/nope'].map((path) => ({ method, path, headers: { 'content-type': type }, body: '{}' })),
    ),
    ...['text/html', 'application/json'].map((type) => ({
      method,
      path: '/nope',
      headers: { 'content-type': type },
    })),
  ])
}

/** Paths, methods and header fields that want to become tags. */
export function* hostileRequests(count: number, random: () => number): Generator<Ask> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const one = (): Ask => {
    const headers: Record<string, string> = {}
    for (let i = random() * 4; i > 1; i--) {
      const [name, values] = pick(ODD_HEADERS)
      headers[name] = pick(values)
    }
    const odd = () => `${pick(ODD_SEGMENTS)}${random() < 0.5 ? Math.floor(random() * 1e9) : ''}`
    const query = random() < 0.5 ? `?${odd()}=${odd()}&page=${odd()}` : ''
    if (random() < 0.3) return { method: pick(METHODS), path: `${pick(['/', '/healthz'])}${query}`, headers }
    return { method: pick(METHODS), path: `/evil/${odd()}/${odd()}${query}`, headers }
  }
  for (let i = 0; i < count; i++) yield one()
}

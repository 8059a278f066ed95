import { isDeepStrictEqual } from 'node:util'
import {
  type Arbitrary,
  array,
  assert,
  constant,
  constantFrom,
  double,
  integer,
  letrec,
  oneof,
  option,
  property,
  record,
  string,
} from 'fast-check'
import { test } from 'tap'
import { answer } from '../../packages/viewer/src/query/answer.ts'
import { complete } from '../../packages/viewer/src/query/complete.ts'
import { FUNCTIONS } from '../../packages/viewer/src/query/functions.ts'
import { parse } from '../../packages/viewer/src/query/parse.ts'
import { PlacedError } from '../../packages/viewer/src/query/placed-error.ts'
import { print } from '../../packages/viewer/src/query/print.ts'
import { QueryError } from '../../packages/viewer/src/query/query-error.ts'
import { RequestError } from '../../packages/viewer/src/query/request.ts'
import {
  AGGREGATIONS,
  type Expression,
  FILL_METHODS,
  type Filter,
  type MetricQuery,
  ROLLUP_METHODS,
} from '../../packages/viewer/src/query/syntax.ts'
import { TelemetryStore } from '../../packages/viewer/src/telemetry-store.ts'

const at = { from: 0, to: 0 }

/** Without places, which printing changes. */
function bare(expression: unknown): unknown {
  return JSON.parse(JSON.stringify(expression, (key, value) => (key === 'at' ? undefined : value)))
}

const name = constantFrom('a', 'web.page_views', 'http.server.request.duration', 'x_1')
const key = constantFrom('page', 'http.route', 'service.instance.id', 'a-b')
const value = constantFrom('home', '/v1/users/:id', 'c*', '*', '$page.value', 'host:3000', 'grüße')
const DEPTH = { maxDepth: 3 }
const { filter } = letrec<{ filter: Filter }>((tie) => ({
  filter: oneof(
    DEPTH,
    record({ kind: constant('all' as const) }),
    record({ kind: constant('tag' as const), key, value, at: constant(at) }),
    record({
      kind: constant('in' as const),
      key,
      values: array(value, { minLength: 1, maxLength: 3 }),
      at: constant(at),
    }),
    record({ kind: constant('variable' as const), name: constantFrom('env', 'page-2'), at: constant(at) }),
    record({ kind: constant('not' as const), operand: tie('filter') }),
    record({
      kind: constantFrom('and' as const, 'or' as const),
      operands: array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}))
const seconds = integer({ min: 1, max: 86_400 })

function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, member]) => member !== undefined)) as T
}

const rollup = constantFrom(...ROLLUP_METHODS).chain((method) =>
  constantFrom<NonNullable<MetricQuery['rollup']>>({ method }, { seconds: 60 }, { method, seconds: 300 }),
)
const fill = record({
  method: constantFrom(...FILL_METHODS),
  seconds: option(seconds, { nil: undefined }),
}).map(defined)
const metric = record({
  kind: constant('metric' as const),
  aggregation: constantFrom(...AGGREGATIONS),
  metric: name,
  filter,
  by: constantFrom([], ['page'], ['page', '$group']),
  as: constantFrom(undefined, 'rate', 'count'),
  rollup: option(rollup, { nil: undefined }),
  fill: option(fill, { nil: undefined }),
  at: constant(at),
}).map(defined) as Arbitrary<MetricQuery>
const number = record({
  kind: constant('number' as const),
  value: double({ min: 0, max: 1e300, noNaN: true }).map(Math.abs),
  at: constant(at),
})
const text = record({
  kind: constant('text' as const),
  value: constantFrom('mean', "it's", ''),
  at: constant(at),
})

const { expression } = letrec<{ expression: Expression }>((tie) => ({
  expression: oneof(
    DEPTH,
    metric,
    number,
    record({ kind: constant('reference' as const), name: constantFrom('query1', 'a_b'), at: constant(at) }),
    record({ kind: constant('negative' as const), operand: tie('expression'), at: constant(at) }),
    record({
      kind: constant('operation' as const),
      operator: constantFrom('+' as const, '-' as const, '*' as const, '/' as const),
      left: tie('expression'),
      right: tie('expression'),
      at: constant(at),
    }),
    record({
      kind: constant('call' as const),
      name: constantFrom('abs', 'top', 'unknown'),
      args: array(oneof(tie('expression'), text), { maxLength: 3 }),
      at: constant(at),
    }),
  ),
}))

test('what is printed parses to what was printed', (t) => {
  t.doesNotThrow(() =>
    assert(
      property(expression, (any) => isDeepStrictEqual(bare(parse(print(any))), bare(any))),
      { numRuns: 500 },
    ),
  )
  t.end()
})

function nothing(): TelemetryStore {
  return new TelemetryStore({ minutes: 60, memoryMib: 16, maxSeries: 100 })
}

test('any text is a query or an error with its place', (t) => {
  const telemetry = nothing()
  const words = [
    'avg',
    'p95',
    ':',
    '{',
    '}',
    '(',
    ')',
    ',',
    '*',
    '!',
    'AND',
    'or',
    'NOT',
    'in',
    'by',
    '.',
    'rollup',
    'fill',
    'top',
    "'",
    '"',
    '$env',
    'a:b',
    '-',
    '+',
    '/',
    '7',
    '1e999',
    'query1',
    ' ',
    '\n',
    '\u0000',
    '🦊',
    '__proto__',
  ]
  const texts = [
    string({ maxLength: 40 }),
    array(constantFrom(...words), { maxLength: 25 }).map((parts) => parts.join('')),
  ]
  let parsed = 0
  for (const arbitrary of texts)
    assert(
      property(arbitrary, (q) => {
        try {
          answer(telemetry, { q, seconds: 60, variables: { env: { values: ['a:b'] } } })
          parsed += 1
        } catch (error) {
          if (error instanceof RequestError) return
          if (!(error instanceof PlacedError)) throw error
          const { from, to } = error.error
          if (!(from >= 0 && from < to && from <= q.length))
            throw new Error(`${from} to ${to} of ${JSON.stringify(q)}`)
        }
        const { from, to } = complete(telemetry.metrics, {
          text: q,
          cursor: q.length,
          names: ['query1'],
          variables: ['env'],
        })
        if (!(from >= 0 && from <= to && to <= q.length)) throw new Error('a completion beyond the text')
      }),
      { numRuns: 1000 },
    )
  t.ok(parsed > 0, 'some were queries')
  for (const deep of [
    '('.repeat(9999),
    '-'.repeat(9999),
    `${'abs('.repeat(2000)}1`,
    `x{${'NOT '.repeat(2000)}a:b}`,
    `x{${'('.repeat(5000)}`,
    'x'.repeat(10_001),
  ])
    t.throws(() => parse(deep), QueryError)
  t.equal(bare(parse('1+'.repeat(4000) + 1)) === undefined, false, 'what is long and not deep is answered')
  t.end()
})

test('an error says what is wrong, where, and the mend', (t) => {
  const cases: [text: string, message: RegExp, place: string][] = [
    ['p97:x{*}', /unknown aggregation "p97": use sum, avg, .*p99 or histogram/, 'p97'],
    ['avg:x', /expected a filter in braces: \{\*\} takes everything, but the query ends/, ''],
    ['avg:x{page}', /"page" is no tag: write key:value, or key:\* for any value/, 'page'],
    ['avg:x{page:a AND}', /expected key:value/, '}'],
    ['avg:x{a:b} by {page:home}', /groups are made by keys: write page/, 'page:home'],
    ['avg:x{*}.rollup(median)', /unknown method "median": use avg, sum, min, max or count/, 'median'],
    ['avg:x{*}.rollup(0)', /seconds are a whole number from 1/, '0'],
    ['avg:x{*}.smooth()', /unknown modifier \.smooth\(\): use as_count, as_rate, rollup or fill/, 'smooth'],
    ['avg:x{*}.as_rate().as_count()', /contradicts or repeats/, '.as_count'],
    ['avg:x{*} avg:y{*}', /expected an operator/, 'avg:y'],
    ['median(avg:x{*})', /unknown function median: did you mean median_3/, 'median'],
    ['top(avg:x{*})', /top needs its count: top\(query, count/, 'top'],
    ["top(avg:x{*}, 5, 'worst')", /by is one of max, mean/, "'worst'"],
    ['clamp_min(avg:x{*}, 1, 2)', /takes fewer arguments/, '2'],
    ["anomalies(avg:x{*}, 'basic', 2)", /anomalies is computed by Datadog alone: take it away/, 'anomalies'],
    ['timeshift(avg:x{*}, 3600)', /-seconds is -1 at most: timeshift\(query, -seconds\)/, '3600'],
    ["calendar_shift(avg:x{*}, '-1mo')", /shift is a text such as '-1d'/, "'-1mo'"],
    ['avg:x{$stage}', /unknown variable \$stage: give it in "variables"/, '$stage'],
    ['system.load', /system.load needs a filter, such as system.load\{\*\}/, 'system.load'],
    ['avg:x{*} by {a} / avg:y{*} by {b}', /groups/, ''],
  ]
  for (const [q, message, place] of cases) {
    try {
      answer(nothing(), { q, seconds: 60 })
      // Without data there are no groups that could fail to meet.
      t.equal(q, 'avg:x{*} by {a} / avg:y{*} by {b}', `${q} is an error`)
    } catch (error) {
      t.ok(error instanceof PlacedError)
      const {
        message: said,
        error: { from, to },
      } = error as PlacedError
      t.match(said, message)
      if (place) t.equal(q.slice(from, to), place, `${q}: the place`)
    }
  }
  t.end()
})

test('every function is known by name, and works on nothing', (t) => {
  const args: Record<string, string> = {
    clamp_min: ', 1',
    clamp_max: ', 1',
    cutoff_min: ', 1',
    cutoff_max: ', 1',
    top: ', 5',
    moving_rollup: ", 60, 'avg'",
    fill: ', last',
    timeshift: ', -60',
    calendar_shift: ", '-2w', 'Europe/Paris'",
  }
  for (const called of FUNCTIONS.keys())
    t.match(
      answer(nothing(), { q: `${called}(avg:x{*}${args[called] ?? ''})`, seconds: 60 }),
      { format: 'timeseries' },
      called,
    )
  t.end()
})

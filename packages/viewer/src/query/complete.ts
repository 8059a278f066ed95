import type { MetricStore, StoredMetric } from '../store/metric-store.ts'
import { signature } from './evaluate.ts'
import { FUNCTIONS } from './functions.ts'
import { AGGREGATIONS, FILL_METHODS, ROLLUP_METHODS } from './syntax.ts'

export interface Suggestion {
  readonly text: string
  readonly kind:
    | 'aggregation'
    | 'metric'
    | 'function'
    | 'modifier'
    | 'key'
    | 'value'
    | 'variable'
    | 'keyword'
    | 'query'
  readonly detail: string
}

export interface Completion {
  /** Offsets of the text that a suggestion replaces. */
  readonly from: number
  readonly to: number
  readonly suggestions: Suggestion[]
}

interface Asked {
  readonly text: string
  readonly cursor: number
  /** Names of queries for a formula. */
  readonly names: readonly string[]
  readonly variables: readonly string[]
}

const MOST = 50
const MODIFIERS: readonly Suggestion[] = [
  { text: 'as_count()', kind: 'modifier', detail: 'sum in each bucket' },
  { text: 'as_rate()', kind: 'modifier', detail: 'per second' },
  ...ROLLUP_METHODS.map(
    (method): Suggestion => ({ text: `rollup(${method}, 60)`, kind: 'modifier', detail: 'buckets of 60 s' }),
  ),
  ...FILL_METHODS.map(
    (method): Suggestion => ({ text: `fill(${method})`, kind: 'modifier', detail: 'fills gaps' }),
  ),
]

/**
 * Suggestions at the cursor. They depend only on the text before it and the nearest open brace, because the text is seldom
 * a whole query.
 */
export function complete(store: MetricStore, { text, cursor, names, variables }: Asked): Completion {
  const before = text.slice(0, cursor)
  const open = before.lastIndexOf('{')
  if (open > before.lastIndexOf('}')) {
    const head = before.slice(0, open).trimEnd()
    // `by` stands behind the filter's own closing brace.
    return /\}\s*by$/i.test(head)
      ? inGroups(store, head, before, variables)
      : inFilter(store.find(/([A-Za-z_][\w.]*)$/.exec(head)?.[1] ?? ''), before, open, variables)
  }
  const modifier = /[})]\s*\.(\w*)$/.exec(before)
  if (modifier) return suggested(before, modifier[1]!, MODIFIERS)
  if (/\}\s*\w*$/.test(before)) {
    const word = /\w*$/.exec(before)![0]
    return suggested(before, word, [{ text: 'by {', kind: 'keyword', detail: 'a line for each value' }])
  }
  const metric = /(?:^|[^\w.])(\w+):([\w.]*)$/.exec(before)
  if (metric) return suggested(before, metric[2]!, metricSuggestions(store, metric[1]!))
  const word = /[\w.]*$/.exec(before)![0]
  return suggested(before, word, [
    ...names.map((name): Suggestion => ({ text: name, kind: 'query', detail: 'a query of this request' })),
    ...AGGREGATIONS.map(
      (name): Suggestion => ({ text: `${name}:`, kind: 'aggregation', detail: 'joins series' }),
    ),
    ...[...FUNCTIONS].map(
      ([name, { meaning }]): Suggestion => ({
        text: `${name}(`,
        kind: 'function',
        detail: `${meaning}: ${signature(name)}`,
      }),
    ),
    // Most people begin with its name alone.
    ...(word.length > 1
      ? metricSuggestions(store, '').map((each) => ({ ...each, text: usualQuery(store, each.text) }))
      : []),
  ])
}

function metricSuggestions(store: MetricStore, aggregation: string): Suggestion[] {
  const wantsDistribution = /^(p\d+|count|histogram)$/.test(aggregation)
  return [...store.metrics()]
    .filter(({ kind }) => !wantsDistribution || kind === 'distribution')
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(
      ({ name, kind, unit, description }): Suggestion => ({
        text: name,
        kind: 'metric',
        detail: [kind, unit, description].filter(Boolean).join(' · '),
      }),
    )
}

function usualQuery(store: MetricStore, name: string): string {
  const kind = store.find(name)?.kind
  const aggregation = kind === 'distribution' ? 'p95' : kind === 'count' ? 'sum' : 'avg'
  return `${aggregation}:${name}{*}`
}

function inGroups(
  store: MetricStore,
  head: string,
  before: string,
  variables: readonly string[],
): Completion {
  const name = /([A-Za-z_][\w.]*)\s*\{[^{}]*\}\s*by$/i.exec(head)?.[1] ?? ''
  const word = /[^\s,{]*$/.exec(before)![0]
  return suggested(before, word, [...keySuggestions(store.find(name), ''), ...variableSuggestions(variables)])
}

function inFilter(
  metric: StoredMetric | undefined,
  before: string,
  open: number,
  variables: readonly string[],
): Completion {
  const word = /[^\s,(){}!]*$/.exec(before.slice(open + 1))![0]
  const colon = word.indexOf(':')
  const list = /([^\s,(){}!]+)\s+IN\s*\([^()]*$/i.exec(before.slice(open + 1))
  if (list) return suggested(before, word, valueSuggestions(metric, list[1]!, ''))
  if (colon > 0)
    return suggested(before, word, valueSuggestions(metric, word.slice(0, colon), `${word.slice(0, colon)}:`))
  return suggested(before, word, [
    ...keySuggestions(metric, ':'),
    ...variableSuggestions(variables),
    { text: '*', kind: 'keyword', detail: 'everything' },
    ...['AND', 'OR', 'NOT', 'IN ('].map((text): Suggestion => ({ text, kind: 'keyword', detail: '' })),
  ])
}

function keySuggestions(metric: StoredMetric | undefined, ending: string): Suggestion[] {
  return [...tagValues(metric)].map(([key, values]) => ({
    text: `${key}${ending}`,
    kind: 'key',
    detail: `${values.size} values`,
  }))
}

function valueSuggestions(metric: StoredMetric | undefined, key: string, beginning: string): Suggestion[] {
  const values = tagValues(metric).get(key.toLowerCase()) ?? []
  return [...values]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([value, series]) => ({ text: `${beginning}${value}`, kind: 'value', detail: `${series} series` }))
}

function variableSuggestions(variables: readonly string[]): Suggestion[] {
  return variables.map((name) => ({ text: `$${name}`, kind: 'variable', detail: 'template variable' }))
}

/** Keys of a metric's tags, with their values and the number of series of each value. */
export function tagValues(metric: StoredMetric | undefined): Map<string, Map<string, number>> {
  const keys = new Map<string, Map<string, number>>()
  for (const { tags } of metric?.series ?? [])
    for (const tag of tags) {
      const colon = tag.indexOf(':')
      const key = tag.slice(0, colon)
      const values = keys.get(key) ?? new Map<string, number>()
      const value = tag.slice(colon + 1)
      values.set(value, (values.get(value) ?? 0) + 1)
      keys.set(key, values)
    }
  return keys
}

/** First the texts that begin with the word, then those that contain it. */
function suggested(before: string, word: string, all: readonly Suggestion[]): Completion {
  const wanted = word.toLowerCase()
  const rankOf = ({ text }: Suggestion) => {
    const found = text.toLowerCase().indexOf(wanted)
    return found === -1 ? 2 : Math.min(found, 1)
  }
  const suggestions = all
    .map((suggestion) => ({ suggestion, rank: rankOf(suggestion) }))
    .filter(({ rank }) => rank < 2)
    .sort((one, other) => one.rank - other.rank)
    .slice(0, MOST)
    .map(({ suggestion }) => suggestion)
  return { from: before.length - word.length, to: before.length, suggestions }
}

import type { AttributeDefinition, MetricDefinition } from '@rollcall/fastify-route-telemetry'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import { EVENT_NAME, RESOURCE_ATTRIBUTES, SPAN_EVENTS, SPANS } from '../../src/telemetry/record-catalogue.ts'
import { SPAN_METRICS } from '../../src/telemetry/span-metrics.ts'
import type { ComponentNames } from './collector-names.ts'

/** What documents, configurations and dashboards say of metrics and tags, held against what there is. */

/** On all metrics at Datadog: what it makes of resource attributes, and what our Collector copies onto each point. */
const COMMON_TAGS = ['env', 'service', 'version', 'host', 'support', 'service.instance.id']

interface Metric {
  /** Undefined for one of a component, of which it is not known. */
  readonly kind: MetricDefinition['kind'] | undefined
  readonly attributes: Readonly<Record<string, AttributeDefinition>>
}

export class KnownNames {
  readonly #metrics = new Map<string, Metric>()
  readonly #attributes = new Set<string>()
  /** Not known, and why that is right; each must be met. */
  readonly #allowed: Map<string, string>
  readonly #met = new Set<string>()
  readonly #prefixes: ReadonlySet<string>

  constructor(components: readonly ComponentNames[], allowed: Readonly<Record<string, string>> = {}) {
    this.#allowed = new Map(Object.entries(allowed))
    for (const { name, kind, attributes } of [...Object.values(METRICS), ...Object.values(SPAN_METRICS)])
      this.#metrics.set(name, { kind, attributes })
    for (const { metrics, attributes } of components) {
      const open = Object.fromEntries(attributes.map((name) => [name, { boundedBy: 'the component' }]))
      for (const name of metrics)
        if (!this.#metrics.has(name)) this.#metrics.set(name, { kind: undefined, attributes: open })
      for (const name of attributes) this.#attributes.add(name)
    }
    const records = [
      ...Object.values(SPANS).map(({ attributes }) => attributes),
      ...Object.values(SPAN_EVENTS),
      RESOURCE_ATTRIBUTES,
    ]
    for (const attributes of [...[...this.#metrics.values()].map((metric) => metric.attributes), ...records])
      for (const name of Object.keys(attributes)) this.#attributes.add(name)
    for (const name of [...COMMON_TAGS, EVENT_NAME]) this.#attributes.add(name)
    const dotted = [...this.#metrics.keys(), ...this.#attributes].filter((name) => name.includes('.'))
    this.#prefixes = new Set(dotted.map((name) => name.split('.', 1)[0] as string))
  }

  /** Allowed names that nothing mentions any more. */
  get stale(): string[] {
    return [...this.#allowed.keys()].filter((name) => !this.#met.has(name))
  }

  /** Whether a name, `*` standing for anything, is that of a metric or an attribute. */
  #has(name: string): boolean {
    if (this.#metrics.has(name) || this.#attributes.has(name)) return true
    if (this.#allowed.has(name)) {
      this.#met.add(name)
      return true
    }
    if (!name.includes('*')) return false
    const pattern = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.+')}$`)
    return [...this.#metrics.keys(), ...this.#attributes].some((known) => pattern.test(known))
  }

  /** Dotted names in a text that begin as ours do and are no metric or attribute. Names of files are left out. */
  namesIn(text: string): string[] {
    const defects = []
    for (const [name] of text.matchAll(NAME)) {
      const [prefix] = name.split('.', 1)
      if (!this.#prefixes.has(prefix as string) || FILE.test(name) || this.#has(name)) continue
      defects.push(`${name} is no metric and no attribute that there is`)
    }
    return defects
  }

  /** Of a Markdown page: what stands in code, and "`metric` by `tag`". */
  inMarkdown(text: string): string[] {
    const code = [...text.matchAll(/```.*?```|`[^`\n]+`/gs)].map(([found]) => found)
    const groupings = [...text.matchAll(/`([a-z0-9_.]+)` by ((?:`[^`]+`|[^`|.;\n])*)/g)].flatMap(
      ([, name, rest = '']) => {
        const metric = this.#metrics.get(name as string)
        const tags = [...rest.matchAll(/`([a-z0-9_.]+)`/g)].map(([, tag]) => tag as string)
        // The list may go on with metrics.
        const grouped = tags.filter((tag) => !this.#metrics.has(tag))
        return metric ? grouped.flatMap((tag) => this.#tagDefects(name as string, metric, tag)) : []
      },
    )
    return [...this.namesIn(code.join('\n')), ...groupings]
  }

  /** Of a Collector's configuration: dotted names anywhere, and attributes where the configuration names some. */
  inConfiguration(text: string): string[] {
    const attributes = [
      ...[...text.matchAll(/\battributes\["([^"]+)"\]/g)].map(([, name]) => name),
      ...[...text.matchAll(/\b(?:delete_key|keep_keys)\([^,]*attributes, "([^"]+)"/g)].map(
        ([, name]) => name,
      ),
      ...[...text.matchAll(/^( *)dimensions:\n((?:\1 +.*\n)*)/gm)].flatMap(([, , list = '']) =>
        [...list.matchAll(/- name: (\S+)/g)].map(([, name]) => name),
      ),
      ...[...text.matchAll(/\bexclude_dimensions: \[([^\]]*)\]/g)].flatMap(([, list = '']) =>
        list.split(/, */),
      ),
    ] as string[]
    const strange = attributes
      .filter((name) => !this.#attributes.has(name))
      .map((name) => `${name} is no attribute that there is`)
    return [...this.namesIn(text), ...strange]
  }

  /** Of JSON for Datadog: dotted names anywhere, each query, and what template variables stand for. */
  inDatadog(text: string): string[] {
    const defects = new Set(this.namesIn(text))
    const json = JSON.parse(text)
    const prefixes = new Map<string, string>(
      (json.template_variables ?? []).map(({ name, prefix }: Record<string, string>) => [name, prefix]),
    )
    const visit = (value: unknown, key: string): void => {
      if (typeof value === 'string') {
        for (const defect of this.#queryDefects(value, prefixes)) defects.add(defect)
        if (key === 'prefix' && !this.#attributes.has(value)) defects.add(`${value} is no tag that there is`)
      } else if (typeof value === 'object' && value !== null)
        for (const [name, member] of Object.entries(value)) visit(member, name)
    }
    visit(json, '')
    return [...defects]
  }

  #queryDefects(text: string, prefixes: ReadonlyMap<string, string>): string[] {
    return [...text.matchAll(QUERY)].flatMap(([, aggregation = '', name = '', scope = '', grouping = '']) => {
      const metric = this.#metrics.get(name)
      if (!metric) return [`${name} is no metric that there is`]
      const ofDistributions = /^(p\d|count$|histogram$)/.test(aggregation)
      const wrong =
        ofDistributions && metric.kind !== undefined && metric.kind !== 'histogram'
          ? [`${aggregation} is for distributions, and ${name} is a ${metric.kind}`]
          : []
      // A variable stands for a tag, and takes nothing from a metric that has no such tag.
      const variables = split(scope).flatMap((part) => prefixes.get(/^\$(\w+)$/.exec(part)?.[1] ?? '') ?? [])
      return [
        ...wrong,
        ...variables.flatMap((tag) => this.#tagDefects(name, metric, tag)),
        ...scopeTags(scope).flatMap(([tag, value]) => this.#tagDefects(name, metric, tag, value)),
        ...split(grouping).flatMap((tag) => this.#tagDefects(name, metric, tag)),
      ]
    })
  }

  #tagDefects(name: string, metric: Metric, tag: string, value?: string): string[] {
    if (COMMON_TAGS.includes(tag)) return []
    const attribute = Object.hasOwn(metric.attributes, tag) ? metric.attributes[tag] : undefined
    if (!attribute) return [`${name} has no tag ${tag}`]
    if (value === undefined || !attribute.values || /[*$]/.test(value)) return []
    // Datadog keeps tags in lower case.
    const values = attribute.values.map((one) => String(one).toLowerCase())
    return values.includes(value.toLowerCase()) ? [] : [`${tag} of ${name} is never ${value}`]
  }
}

const NAME = /(?<![\w./@$:-])[a-z][a-z0-9_]*(?:\.(?:[a-z0-9_]+|\*))+(?![\w(/-])/g
const FILE = /\.(ts|cjs|mjs|js|json|md|ya?ml|db|sum|mod|go)$/

/** `p95:database.query.time{page:home,$env} by {page}` (https://docs.datadoghq.com/dashboards/querying/). */
const QUERY =
  /\b(avg|sum|min|max|count|histogram|p\d+(?:\.\d+)?):([a-zA-Z][\w.]*)\{([^}]*)\}(?:\s*by\s*\{([^}]*)\})?/g

function split(list: string): string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** Tags of a scope, with the value where one is given: `a:b`, `!a:b`, `a IN (b, c)`, `a:(b OR c)`, with AND, OR, NOT. */
function scopeTags(scope: string): [tag: string, value: string][] {
  const lists = [...scope.matchAll(/([\w.]+)(?::| (?:NOT )?IN )\s*\(([^)]*)\)/gi)].flatMap(
    ([, tag = '', values = '']) =>
      values.split(/,| OR /i).map((value): [string, string] => [tag, value.trim()]),
  )
  const rest = scope.replaceAll(/([\w.]+)(?::| (?:NOT )?IN )\s*\(([^)]*)\)/gi, '')
  const single = [...rest.matchAll(/([a-zA-Z][\w.]*):([^\s,()]+)/g)].map(
    ([, tag = '', value = '']): [string, string] => [tag, value],
  )
  return [...lists, ...single]
}

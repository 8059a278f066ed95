import { normalized } from '../datadog-tags.ts'
import { QueryError } from './query-error.ts'
import type { Filter, Place } from './syntax.ts'

/** The value of `$name`: the prefix of a dashboard's template variable (a tag's key) and the chosen values. */
export interface Variable {
  readonly prefix?: string | null | undefined
  /** None, or `*` among them, means every value. Without a prefix they are whole tags. */
  readonly values: readonly string[]
}
export type Variables = Readonly<Record<string, Variable>>

export type Matches = (tags: readonly string[]) => boolean

/** Whether a filter takes a series. Throws a {@link QueryError} for a variable without a value. */
export function matching(filter: Filter, variables: Variables): Matches {
  switch (filter.kind) {
    case 'all':
      return () => true
    case 'tag':
      return anyOf(
        substituted(filter.value, variables, filter.at).map((value) => tagMatcher(filter.key, value)),
      )
    case 'in':
      return anyOf(
        filter.values
          .flatMap((value) => substituted(value, variables, filter.at))
          .map((value) => tagMatcher(filter.key, value)),
      )
    case 'variable':
      return matchingVariable(variableOf(filter.name, variables, filter.at))
    case 'not': {
      const operand = matching(filter.operand, variables)
      return (tags) => !operand(tags)
    }
    case 'and': {
      const operands = filter.operands.map((operand) => matching(operand, variables))
      return (tags) => operands.every((matches) => matches(tags))
    }
    case 'or':
      return anyOf(filter.operands.map((operand) => matching(operand, variables)))
  }
}

/** The key of `by {$name}`. */
export function groupKey(key: string, variables: Variables, at: Place): string {
  if (!key.startsWith('$')) return normalized(key)
  const { prefix, values } = variableOf(key.slice(1), variables, at)
  const found = prefix || values[0]
  if (!found || found === '*') throw new QueryError(`the variable ${key} names no tag to group by`, at)
  return normalized(found)
}

function matchingVariable({ prefix, values }: Variable): Matches {
  if (values.length === 0 || values.includes('*')) return () => true
  return anyOf(
    values.map((value) => {
      if (prefix) return tagMatcher(prefix, value)
      const colon = value.indexOf(':')
      return tagMatcher(value.slice(0, Math.max(colon, 0)), value.slice(colon + 1))
    }),
  )
}

function variableOf(name: string, variables: Variables, at: Place): Variable {
  const variable = Object.hasOwn(variables, name) ? variables[name] : undefined
  if (variable === undefined) throw new QueryError(`unknown variable $${name}: give it in "variables"`, at)
  return variable
}

/** `$name` and `$name.value` within a value, once for each chosen value. */
function substituted(value: string, variables: Variables, at: Place): string[] {
  const found = /\$([\w-]+)(\.value)?/.exec(value)
  if (found === null) return [value]
  const { values } = variableOf(found[1]!, variables, at)
  const chosen = values.length === 0 || values.includes('*') ? ['*'] : values
  return chosen.map((each) => value.slice(0, found.index) + each + value.slice(found.index + found[0].length))
}

function anyOf(matchers: readonly Matches[]): Matches {
  return (tags) => matchers.some((matches) => matches(tags))
}

/** Tags are stored normalized, so a filter is normalized as well, but for its `*`. */
function tagMatcher(key: string, value: string): Matches {
  const parts = `${normalized(key)}:${value}`.split('*').map((part) => normalized(part))
  if (parts.length === 1) return (tags) => tags.includes(parts[0]!)
  return (tags) => tags.some((tag) => matchesParts(tag, parts))
}

/**
 * Whether a text consists of the parts, with any text between them. The time is linear in its length for each part. A
 * regular expression with many `.*` takes longer. One part is the whole text.
 */
export function matchesParts(tag: string, parts: readonly string[]): boolean {
  if (parts.length === 1) return tag === parts[0]
  const first = parts[0]!
  const last = parts.at(-1)!
  if (!tag.startsWith(first) || tag.length < first.length + last.length || !tag.endsWith(last)) return false
  let position = first.length
  for (const part of parts.slice(1, -1)) {
    const found = tag.indexOf(part, position)
    if (found === -1) return false
    position = found + part.length
  }
  return position <= tag.length - last.length
}

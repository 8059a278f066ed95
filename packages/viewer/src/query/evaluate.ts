import { FUNCTIONS, type Parameter, REFUSED } from './functions.ts'
import { QueryError } from './query-error.ts'
import { type Line, noTags, type Unit } from './series.ts'
import type { Argument, Expression, MetricQuery, Operator } from './syntax.ts'

export interface Scope {
  readonly interval: number
  readonly buckets: number
  /** Each line is one value, so functions over time are refused. */
  readonly isScalar: boolean
  metric(query: MetricQuery): Line[]
  /** The lines of a query of the same request. Undefined for an unknown name. */
  reference(name: string): readonly Line[] | undefined
  readonly names: readonly string[]
  /** The same evaluation, shifted by the seconds into the past. */
  before(seconds: number): Scope
}

type Value = number | readonly Line[]

/** An expression's lines. Throws a {@link QueryError} for an unknown name. */
export function evaluate(expression: Expression, scope: Scope): Line[] {
  const value = valueOfExpression(expression, scope)
  if (typeof value !== 'number') return [...value]
  return [{ tags: noTags(), values: new Float64Array(scope.buckets).fill(value), unit: null }]
}

/** All queries within, in their order. */
export function metricQueries(expression: Expression): MetricQuery[] {
  switch (expression.kind) {
    case 'metric':
      return [expression]
    case 'negative':
      return metricQueries(expression.operand)
    case 'operation':
      return [...metricQueries(expression.left), ...metricQueries(expression.right)]
    case 'call':
      return expression.args.flatMap((argument) => (argument.kind === 'text' ? [] : metricQueries(argument)))
    default:
      return []
  }
}

function valueOfExpression(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'number':
      return expression.value
    case 'metric':
      return scope.metric(expression)
    case 'reference': {
      const lines = scope.reference(expression.name)
      if (lines === undefined) throw new QueryError(unknownReference(expression.name, scope), expression.at)
      return lines
    }
    case 'negative':
      return operate('-', 0, valueOfExpression(expression.operand, scope), expression)
    case 'operation':
      return operate(
        expression.operator,
        valueOfExpression(expression.left, scope),
        valueOfExpression(expression.right, scope),
        expression,
      )
    case 'call':
      return call(expression, scope)
  }
}

function unknownReference(name: string, { names }: Scope): string {
  if (names.length === 0) return `${name} needs a filter, such as ${name}{*}`
  return `there is no query named ${name}: this request has ${names.join(', ')}`
}

function call({ name, args, at }: Expression & { kind: 'call' }, scope: Scope): Line[] {
  const place = { from: at.from, to: at.from + name.length }
  if (REFUSED.has(name))
    throw new QueryError(`${name} is computed by Datadog alone: take it away to see the query itself`, place)
  const found = FUNCTIONS.get(name)
  if (found === undefined) throw new QueryError(`unknown function ${name}${resembling(name)}`, place)
  if (found.isOverTime && scope.isScalar)
    throw new QueryError(
      `${name} works on values over time; a scalar request has one value for each group`,
      place,
    )
  const [first, ...rest] = args
  if (first === undefined || first.kind === 'text')
    throw new QueryError(`${name} needs a query: ${signature(name)}`, place)
  if (rest.length > found.parameters.length)
    throw new QueryError(`${name} takes fewer arguments: ${signature(name)}`, rest.at(-1)!.at)
  const values = found.parameters.map((parameter, index) =>
    argumentValue(name, parameter, rest[index], place),
  )
  const seconds = found.secondsBefore?.(values) ?? 0
  const value = valueOfExpression(first, seconds === 0 ? scope : scope.before(seconds))
  const lines =
    typeof value === 'number'
      ? [{ tags: noTags(), values: new Float64Array(scope.buckets).fill(value), unit: null }]
      : value
  return found.apply(lines, values, scope.interval, scope.buckets)
}

function argumentValue(
  name: string,
  parameter: Parameter,
  argument: Argument | undefined,
  place: { from: number; to: number },
): number | string | undefined {
  if (argument === undefined) {
    if (parameter.isOptional) return undefined
    throw new QueryError(`${name} needs its ${parameter.name}: ${signature(name)}`, place)
  }
  if (parameter.kind === 'number') {
    const sign = argument.kind === 'negative' ? -1 : 1
    const number = argument.kind === 'negative' ? argument.operand : argument
    if (number.kind !== 'number')
      throw new QueryError(`${parameter.name} is a number: ${signature(name)}`, argument.at)
    const value = sign * number.value
    if (parameter.max !== undefined && value > parameter.max)
      throw new QueryError(`${parameter.name} is ${parameter.max} at most: ${signature(name)}`, argument.at)
    return value
  }
  if (parameter.kind === 'text') {
    if (argument.kind !== 'text' || !parameter.pattern.test(argument.value))
      throw new QueryError(`${parameter.name} is a text such as '${parameter.example}'`, argument.at)
    return argument.value
  }
  // Datadog's own examples have them with and without quotes.
  const text =
    argument.kind === 'text' ? argument.value : argument.kind === 'reference' ? argument.name : undefined
  if (text === undefined || !parameter.choices.includes(text))
    throw new QueryError(`${parameter.name} is one of ${parameter.choices.join(', ')}`, argument.at)
  return text
}

/** `top(query, count, 'by', 'direction')` */
export function signature(name: string): string {
  const parameters = (FUNCTIONS.get(name)?.parameters ?? []).map((parameter) => {
    const shown =
      parameter.kind === 'choice'
        ? `'${parameter.choices[0]}'`
        : parameter.kind === 'text'
          ? `'${parameter.example}'`
          : parameter.name
    return parameter.isOptional ? `[${shown}]` : shown
  })
  return `${name}(${['query', ...parameters].join(', ')})`
}

function resembling(name: string): string {
  const near = [...FUNCTIONS.keys()].filter((known) => known.startsWith(name.slice(0, 3))).slice(0, 5)
  return near.length === 0 ? ': see the list in docs/viewer.md' : `: did you mean ${near.join(', ')}?`
}

function operate(operator: Operator, left: Value, right: Value, at: Expression): Value {
  if (typeof left === 'number' && typeof right === 'number') return applied(operator, left, right)
  if (typeof left === 'number')
    return (right as readonly Line[]).map((line) => ({
      ...line,
      values: line.values.map((value) => applied(operator, left, value)),
      unit: unitWithNumber(operator, line.unit, left),
    }))
  if (typeof right === 'number')
    return left.map((line) => ({
      ...line,
      values: line.values.map((value) => applied(operator, value, right)),
      unit: unitWithNumber(operator, line.unit, right),
    }))
  return pairs(left, right, at).map(([one, other, tags]) => ({
    tags,
    values: one.values.map((value, index) => applied(operator, value, other.values[index]!)),
    unit: unitOfTwo(operator, one.unit, other.unit),
  }))
}

function applied(operator: Operator, one: number, other: number): number {
  switch (operator) {
    case '+':
      return one + other
    case '-':
      return one - other
    case '*':
      return one * other
    case '/':
      return other === 0 ? Number.NaN : one / other
  }
}

/** Multiplied seconds are no longer seconds. */
function unitWithNumber(operator: Operator, unit: Unit | null, number: number): Unit | null {
  return operator === '+' || operator === '-' || number === 1 ? unit : null
}

function unitOfTwo(operator: Operator, one: Unit | null, other: Unit | null): Unit | null {
  const isSame = one?.name === other?.name && one?.per === other?.per
  return isSame && (operator === '+' || operator === '-') ? one : null
}

/** Joins lines with equal tags; a line with fewer keys is joined with several. A line without a partner is left out. */
function pairs(
  left: readonly Line[],
  right: readonly Line[],
  { at }: Expression,
): [Line, Line, Line['tags']][] {
  if (left.length === 0 || right.length === 0) return []
  const [leftKeys, rightKeys] = [left, right].map((lines) => Object.keys(lines[0]!.tags)) as [
    string[],
    string[],
  ]
  const leftIsWider = rightKeys.every((key) => leftKeys.includes(key))
  if (!leftIsWider && !leftKeys.every((key) => rightKeys.includes(key)))
    throw new QueryError(
      `groups by ${leftKeys.join(', ')} and by ${rightKeys.join(', ')} cannot be joined: one side's keys must be among the other's`,
      at,
    )
  const keys = leftIsWider ? rightKeys : leftKeys
  const idOf = ({ tags }: Line) => JSON.stringify(keys.map((key) => tags[key]))
  const narrow = new Map((leftIsWider ? right : left).map((line) => [idOf(line), line]))
  return (leftIsWider ? left : right).flatMap((wide): [Line, Line, Line['tags']][] => {
    const found = narrow.get(idOf(wide))
    if (found === undefined) return []
    return [leftIsWider ? [wide, found, wide.tags] : [found, wide, wide.tags]]
  })
}

import type { Argument, Expression, Filter, MetricQuery } from './syntax.ts'

/** The text of a query, in one canonical form: parsing it gives the same query. */
export function print(expression: Expression): string {
  switch (expression.kind) {
    case 'number':
      return String(expression.value)
    case 'reference':
      return expression.name
    case 'metric':
      return printMetric(expression)
    case 'negative':
      return `-${within(expression.operand, expression.operand.kind === 'operation')}`
    case 'call':
      return `${expression.name}(${expression.args.map(printArgument).join(', ')})`
    case 'operation': {
      const { operator, left, right } = expression
      const rank = rankOf(operator)
      const leftIsLooser = left.kind === 'operation' && rankOf(left.operator) < rank
      // a - (b - c) needs its parentheses.
      const rightIsLooser = right.kind === 'operation' && rankOf(right.operator) <= rank
      return `${within(left, leftIsLooser)} ${operator} ${within(right, rightIsLooser)}`
    }
  }
}

function rankOf(operator: string): number {
  return operator === '+' || operator === '-' ? 1 : 2
}

function within(expression: Expression, needsParentheses: boolean): string {
  return needsParentheses ? `(${print(expression)})` : print(expression)
}

function printArgument(argument: Argument): string {
  if (argument.kind !== 'text') return print(argument)
  const quote = argument.value.includes("'") ? '"' : "'"
  return `${quote}${argument.value}${quote}`
}

function printMetric({ aggregation, metric, filter, by, as, rollup, fill }: MetricQuery): string {
  const modifiers = [
    as && `.as_${as}()`,
    rollup && `.rollup(${[rollup.method, rollup.seconds].filter((part) => part !== undefined).join(', ')})`,
    fill && `.fill(${[fill.method, fill.seconds].filter((part) => part !== undefined).join(', ')})`,
  ]
  const groups = by.length > 0 ? ` by {${by.join(',')}}` : ''
  return `${aggregation}:${metric}{${printFilter(filter)}}${groups}${modifiers.filter(Boolean).join('')}`
}

function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
      return '*'
    case 'tag':
      return `${filter.key}:${filter.value}`
    case 'in':
      return `${filter.key} IN (${filter.values.join(', ')})`
    case 'variable':
      return `$${filter.name}`
    case 'not':
      return `NOT ${printOperand(filter.operand)}`
    case 'and':
      return filter.operands.map(printOperand).join(' AND ')
    case 'or':
      return filter.operands.map(printOperand).join(' OR ')
  }
}

function printOperand(filter: Filter): string {
  return filter.kind === 'and' || filter.kind === 'or' ? `(${printFilter(filter)})` : printFilter(filter)
}

import { QueryError } from './query-error.ts'
import {
  AGGREGATIONS,
  type Aggregation,
  type Argument,
  type Expression,
  FILL_METHODS,
  type Filter,
  type MetricQuery,
  type Operator,
  type Place,
  ROLLUP_METHODS,
} from './syntax.ts'

const LONGEST = 10_000
const DEEPEST = 100

const NAME = /[A-Za-z_][A-Za-z0-9_.]*/y
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const TEXT = /'[^']*'|"[^"]*"/y
/** A tag, a key or a value: all characters but those of the syntax. */
const WORD = /[^\s,(){}!]+/y
const VARIABLE = /^\$[\w-]+$/

/**
 * Reads a query in Datadog's syntax, or an expression over queries: `p95:x{page:home} by {host} * 1000`, and in formulas
 * `query1 / query2`. For any other text, throws a {@link QueryError} and no other error.
 */
export function parse(text: string): Expression {
  return new Parser(text).whole()
}

class Parser {
  readonly #text: string
  #position = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    if (text.length > LONGEST)
      throw new QueryError(`the query has ${text.length} characters; ${LONGEST} are the most`, {
        from: LONGEST,
        to: text.length,
      })
  }

  whole(): Expression {
    this.#space()
    if (this.#position === this.#text.length) throw this.#expected('a query, such as avg:web.page_views{*}')
    const expression = this.#sum()
    if (this.#position < this.#text.length) throw this.#expected('an operator (+ - * /) or the end')
    return expression
  }

  #sum(): Expression {
    return this.#operations(['+', '-'], () => this.#operations(['*', '/'], () => this.#factor()))
  }

  #operations(operators: readonly Operator[], operand: () => Expression): Expression {
    let left = operand()
    for (;;) {
      const operator = operators.find((sign) => this.#text[this.#position] === sign)
      if (operator === undefined) return left
      this.#skip(operator)
      const right = operand()
      left = { kind: 'operation', operator, left, right, at: { from: left.at.from, to: right.at.to } }
    }
  }

  #factor(): Expression {
    return this.#deeper(() => {
      const from = this.#position
      if (this.#take('-')) {
        const operand = this.#factor()
        return { kind: 'negative', operand, at: { from, to: operand.at.to } }
      }
      if (this.#take('(')) {
        const inner = this.#sum()
        this.#must(')', 'an operator or the closing )')
        return inner
      }
      const number = this.#match(NUMBER)
      if (number !== undefined) return this.#number(number)
      const name = this.#match(NAME)
      if (name === undefined) throw this.#expected('a query, a number, a function or (')
      if (this.#text[this.#position] === '(') return this.#call(name)
      if (this.#text[this.#position] === ':') return this.#aggregated(name)
      if (this.#text[this.#position] === '{') return this.#metric('avg', name, name)
      return { kind: 'reference', name: name.text, at: name.at }
    })
  }

  #number({ text, at }: Token): Expression {
    const value = Number(text)
    if (!Number.isFinite(value)) throw new QueryError('the number is too large', at)
    return { kind: 'number', value, at }
  }

  #call({ text: name, at }: Token): Expression {
    this.#skip('(')
    const args: Argument[] = []
    while (!this.#take(')')) {
      if (args.length > 0) this.#must(',', `, or ) after an argument of ${name}`)
      const text = this.#match(TEXT)
      args.push(text ? { kind: 'text', value: text.text.slice(1, -1), at: text.at } : this.#sum())
    }
    return { kind: 'call', name, args, at: { from: at.from, to: this.#lastEnd } }
  }

  #aggregated(name: Token): Expression {
    const aggregation = AGGREGATIONS.find((known) => known === name.text)
    if (aggregation === undefined)
      throw new QueryError(`unknown aggregation "${name.text}": use ${listed(AGGREGATIONS)}`, name.at)
    this.#skip(':')
    const metric = this.#match(NAME)
    if (metric === undefined) throw this.#expected('the name of a metric')
    return this.#metric(aggregation, metric, name)
  }

  #metric(aggregation: Aggregation, { text: metric }: Token, { at }: Token): MetricQuery {
    this.#must('{', 'a filter in braces: {*} takes everything')
    const filter = this.#filter()
    this.#must('}', ', or AND, OR, or the closing }')
    const by = this.#groups()
    const modifiers = this.#modifiers()
    return {
      kind: 'metric',
      aggregation,
      metric,
      filter,
      by,
      ...modifiers,
      at: { from: at.from, to: this.#lastEnd },
    }
  }

  /** A comma is an AND that binds loosest. */
  #filter(): Filter {
    return this.#joined(
      'and',
      () => this.#either(),
      () => this.#take(','),
    )
  }

  #either(): Filter {
    return this.#joined(
      'or',
      () => this.#both(),
      () => this.#takeWord('or'),
    )
  }

  #both(): Filter {
    return this.#joined(
      'and',
      () => this.#condition(),
      () => this.#takeWord('and'),
    )
  }

  #joined(kind: 'and' | 'or', operand: () => Filter, goesOn: () => boolean): Filter {
    const operands = [operand()]
    while (goesOn()) operands.push(operand())
    return operands.length === 1 ? operands[0]! : { kind, operands }
  }

  #condition(): Filter {
    return this.#deeper(() => {
      if (this.#take('!') || this.#takeWord('not')) return { kind: 'not', operand: this.#condition() }
      if (this.#take('(')) {
        const inner = this.#filter()
        this.#must(')', ', or AND, OR, or the closing )')
        return inner
      }
      return this.#tag()
    })
  }

  #tag(): Filter {
    const word = this.#match(WORD)
    if (word === undefined) throw this.#expected('key:value, $variable or *')
    if (isKeyword(word.text)) throw new QueryError(`expected key:value before ${word.text}`, word.at)
    if (word.text === '*') return { kind: 'all' }
    if (VARIABLE.test(word.text)) return { kind: 'variable', name: word.text.slice(1), at: word.at }
    if (this.#takeWord('in')) return this.#values(word)
    if (this.#isWordAhead('not')) {
      this.#takeWord('not')
      if (!this.#takeWord('in')) throw this.#expected('IN (value, value)')
      return { kind: 'not', operand: this.#values(word) }
    }
    const colon = word.text.indexOf(':')
    if (colon < 1)
      throw new QueryError(`"${word.text}" is no tag: write key:value, or key:* for any value`, word.at)
    return { kind: 'tag', key: word.text.slice(0, colon), value: word.text.slice(colon + 1), at: word.at }
  }

  #values({ text: key, at }: Token): Filter {
    if (key.includes(':')) throw new QueryError('only the key of a tag can stand before IN', at)
    this.#must('(', '( and values, with commas between')
    const values: string[] = []
    do {
      const value = this.#match(WORD)
      if (value === undefined) throw this.#expected('a value')
      values.push(value.text)
    } while (this.#take(','))
    this.#must(')', ', or the closing )')
    return { kind: 'in', key, values, at: { from: at.from, to: this.#lastEnd } }
  }

  #groups(): string[] {
    if (!this.#takeWord('by')) return []
    this.#must('{', '{ and keys of tags, with commas between')
    const keys = new Set<string>()
    do {
      const key = this.#match(WORD)
      if (key === undefined) throw this.#expected('the key of a tag')
      if (key.text.includes(':') || key.text === '*')
        throw new QueryError(
          `groups are made by keys: write ${key.text.split(':')[0]?.replace('*', 'key')}, without a value`,
          key.at,
        )
      keys.add(key.text)
    } while (this.#take(','))
    this.#must('}', ', or the closing }')
    return [...keys]
  }

  #modifiers(): Pick<MetricQuery, 'as' | 'rollup' | 'fill'> {
    const modifiers: { -readonly [K in 'as' | 'rollup' | 'fill']?: MetricQuery[K] } = {}
    const from = this.#position
    while (this.#text[this.#position] === '.') {
      const at = this.#position
      this.#skip('.')
      const name = this.#match(NAME)
      if (name === undefined) throw this.#expected('as_count(), as_rate(), rollup() or fill()')
      const member = name.text === 'as_rate' || name.text === 'as_count' ? 'as' : name.text
      if (member in modifiers)
        throw new QueryError(`.${name.text}() contradicts or repeats an earlier one`, {
          from: at,
          to: name.at.to,
        })
      this.#must('(', '( after the name of a modifier')
      if (name.text === 'as_rate' || name.text === 'as_count')
        modifiers.as = name.text === 'as_rate' ? 'rate' : 'count'
      else if (name.text === 'rollup') modifiers.rollup = this.#rollup()
      else if (name.text === 'fill') modifiers.fill = this.#fill()
      // It corrects for tags that come and go, which does not happen within an hour.
      else if (name.text !== 'weighted')
        throw new QueryError(
          `unknown modifier .${name.text}(): use as_count, as_rate, rollup or fill`,
          name.at,
        )
      this.#must(')', 'the closing )')
    }
    if (modifiers.rollup && modifiers.rollup.method === undefined && modifiers.rollup.seconds === undefined)
      throw new QueryError('.rollup() needs a method, seconds, or both: .rollup(max, 60)', {
        from,
        to: this.#lastEnd,
      })
    return modifiers as Pick<MetricQuery, 'as' | 'rollup' | 'fill'>
  }

  #rollup(): NonNullable<MetricQuery['rollup']> {
    const method = this.#choice('method', ROLLUP_METHODS)
    if (method !== undefined && !this.#take(',')) return { method }
    const seconds = this.#seconds()
    return { ...(method && { method }), ...(seconds !== undefined && { seconds }) }
  }

  #fill(): NonNullable<MetricQuery['fill']> {
    const method = this.#choice('way to fill gaps', FILL_METHODS)
    if (method === undefined) throw this.#expected(listed(FILL_METHODS))
    if (!this.#take(',')) return { method }
    const seconds = this.#seconds()
    return { method, ...(seconds !== undefined && { seconds }) }
  }

  #choice<C extends string>(what: string, choices: readonly C[]): C | undefined {
    const text = this.#match(TEXT)
    const name = text ? { ...text, text: text.text.slice(1, -1) } : this.#match(NAME)
    if (name === undefined) return undefined
    const found = choices.find((choice) => choice === name.text)
    if (found === undefined)
      throw new QueryError(`unknown ${what} "${name.text}": use ${listed(choices)}`, name.at)
    return found
  }

  #seconds(): number | undefined {
    const number = this.#match(NUMBER)
    if (number === undefined) {
      if (this.#text[this.#position] === ')') return undefined
      throw this.#expected('a number of seconds')
    }
    const seconds = Number(number.text)
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400 * 31)
      throw new QueryError('seconds are a whole number from 1', number.at)
    return seconds
  }

  #deeper<R>(read: () => R): R {
    if (this.#depth >= DEEPEST)
      throw new QueryError(`nested deeper than ${DEEPEST} levels`, {
        from: this.#position,
        to: this.#position + 1,
      })
    this.#depth += 1
    const result = read()
    this.#depth -= 1
    return result
  }

  /** The end of the last token, without the space behind it. */
  #lastEnd = 0

  #match(pattern: RegExp): Token | undefined {
    pattern.lastIndex = this.#position
    const text = pattern.exec(this.#text)?.[0]
    if (text === undefined) return undefined
    const at = { from: this.#position, to: this.#position + text.length }
    this.#moveTo(at.to)
    return { text, at }
  }

  #take(sign: string): boolean {
    if (this.#text[this.#position] !== sign) return false
    this.#skip(sign)
    return true
  }

  /** In lower or upper case, and as a whole word. */
  #takeWord(word: string): boolean {
    if (!this.#isWordAhead(word)) return false
    this.#moveTo(this.#position + word.length)
    return true
  }

  #isWordAhead(word: string): boolean {
    WORD.lastIndex = this.#position
    const found = WORD.exec(this.#text)?.[0]
    return found === word || found === word.toUpperCase()
  }

  #must(sign: string, expected: string): void {
    if (!this.#take(sign)) throw this.#expected(expected)
  }

  #skip(sign: string): void {
    this.#moveTo(this.#position + sign.length)
  }

  #moveTo(position: number): void {
    this.#lastEnd = position
    this.#position = position
    this.#space()
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#position] ?? '')) this.#position += 1
  }

  #expected(what: string): QueryError {
    const from = this.#position
    if (from >= this.#text.length)
      return new QueryError(`expected ${what}, but the query ends here`, { from, to: from + 1 })
    WORD.lastIndex = from
    const found = WORD.exec(this.#text)?.[0] ?? this.#text[from]!
    return new QueryError(`expected ${what}, not "${found.slice(0, 40)}"`, { from, to: from + found.length })
  }
}

interface Token {
  readonly text: string
  readonly at: Place
}

function isKeyword(word: string): boolean {
  return ['and', 'or', 'in', 'not', 'AND', 'OR', 'IN', 'NOT'].includes(word)
}

function listed(choices: readonly string[]): string {
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
}

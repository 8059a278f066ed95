import { asInJson, type PlainValue } from '../store/plain-values.ts'
import { matchesParts, type Variables } from './filter.ts'
import { QueryError } from './query-error.ts'

/** A span or a log line for a search. */
export interface SearchedEvent {
  /** `service`, `status`, `env`, … and attributes with an `@` before them. */
  field(key: string): PlainValue | undefined
  /** The text in which words without a field are searched. */
  readonly message: string
}

export interface Search {
  matches(event: SearchedEvent): boolean
  /** Texts that every match contains, as JSON. An event without one of them is not parsed. */
  readonly literals: readonly string[]
}

const KEY = /@?[A-Za-z_][\w.-]*(?=:)/y
const WORD = /(?:\\.|[^\s()"[\]])+/y
const QUOTED = /"((?:\\.|[^"\\])*)"/y
const RANGE = /\[\s*(\S+)\s+TO\s+(\S+?)\s*\]/y
const COMPARISON = /^(>=|<=|>|<)(.+)$/
const DEEPEST = 50
/** In nanoseconds, the unit of `@duration` at Datadog. */
const DURATIONS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9 }

/**
 * Datadog's syntax of searches over spans and logs: words and "texts", `field:value`, `@attribute:value`, `*` within values,
 * `field:(a OR b)`, `>=`, `[1 TO 5]`, `-` and NOT, AND (which may be left out), OR, parentheses, `$variable`. Throws a
 * {@link QueryError} for any other text.
 */
export function parseSearch(text: string, variables: Variables): Search {
  return new SearchParser(text, variables).whole()
}

class SearchParser {
  readonly #text: string
  readonly #variables: Variables
  #position = 0
  #depth = 0

  constructor(text: string, variables: Variables) {
    this.#text = text
    this.#variables = variables
  }

  whole(): Search {
    this.#space()
    if (this.#position === this.#text.length) return everything
    const search = this.#either()
    if (this.#position < this.#text.length) throw this.#unexpected('AND, OR or the end')
    return search
  }

  #either(): Search {
    const operands = [this.#both()]
    while (this.#takeWord('OR')) operands.push(this.#both())
    return operands.length === 1 ? operands[0]! : anyOf(operands)
  }

  #both(): Search {
    const operands = [this.#one()]
    for (;;) {
      if (this.#takeWord('AND')) operands.push(this.#one())
      else if (this.#position < this.#text.length && !this.#isAhead(')') && !this.#isWordAhead('OR'))
        operands.push(this.#one())
      else return operands.length === 1 ? operands[0]! : allOf(operands)
    }
  }

  #one(): Search {
    if (this.#depth >= DEEPEST) throw this.#unexpected(`at most ${DEEPEST} levels`)
    this.#depth += 1
    const search = this.#condition()
    this.#depth -= 1
    return search
  }

  #condition(): Search {
    if (this.#take('-') || this.#take('!') || this.#takeWord('NOT')) return not(this.#one())
    if (this.#take('(')) {
      const inner = this.#either()
      if (!this.#take(')')) throw this.#unexpected('the closing )')
      return inner
    }
    if (this.#isAhead('$')) return this.#variable()
    const key = this.#match(KEY)?.[0]
    if (key === undefined) return words(this.#value('a word, or field:value'))
    this.#position += 1
    return this.#values(key)
  }

  /** Behind a field's colon. */
  #values(key: string): Search {
    if (this.#take('(')) {
      const operands = [this.#valueOf(key)]
      while (this.#takeWord('OR')) operands.push(this.#valueOf(key))
      if (!this.#take(')')) throw this.#unexpected('OR, or the closing )')
      return anyOf(operands)
    }
    return this.#valueOf(key)
  }

  #valueOf(key: string): Search {
    const range = this.#match(RANGE)
    if (range) {
      this.#space()
      const least = range[1] === '*' ? Number.NEGATIVE_INFINITY : this.#bound(range[1]!)
      const most = range[2] === '*' ? Number.POSITIVE_INFINITY : this.#bound(range[2]!)
      return number(key, (value) => value >= least && value <= most)
    }
    const from = this.#position
    const isQuoted = this.#isAhead('"')
    const value = this.#value(`a value of ${key}`)
    const comparison = isQuoted ? null : COMPARISON.exec(value)
    if (comparison) {
      const bound = this.#bound(comparison[2]!, from)
      return number(key, COMPARISONS[comparison[1] as keyof typeof COMPARISONS](bound))
    }
    if (value.startsWith('$') && !isQuoted) {
      const { values } = this.#variableNamed(value.slice(1).replace(/\.value$/, ''), from)
      return values.length === 0 || values.includes('*')
        ? everything
        : anyOf(values.map((one) => is(key, one, true)))
    }
    return is(key, value, !isQuoted)
  }

  #bound(text: string, from = this.#position): number {
    const found = /^(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(ns|us|µs|ms|s|m)?$/.exec(text)
    if (!found) throw new QueryError(`"${text.slice(0, 40)}" is no number`, { from, to: from + text.length })
    return Number(found[1]) * (found[2] ? DURATIONS[found[2]]! : 1)
  }

  #variable(): Search {
    const from = this.#position
    const name = this.#match(WORD)![0]
    this.#space()
    const { prefix, values } = this.#variableNamed(name.slice(1), from)
    if (values.length === 0 || values.includes('*')) return everything
    return anyOf(
      values.map((value) => {
        const colon = value.indexOf(':')
        return prefix
          ? is(prefix, value, true)
          : is(value.slice(0, Math.max(0, colon)), value.slice(colon + 1), true)
      }),
    )
  }

  #variableNamed(name: string, from: number) {
    const found = Object.hasOwn(this.#variables, name) ? this.#variables[name] : undefined
    if (found === undefined)
      throw new QueryError(`unknown variable $${name.slice(0, 40)}: give it in "variables"`, {
        from,
        to: from + name.length + 1,
      })
    return found
  }

  #value(expected: string): string {
    const quoted = this.#match(QUOTED)
    const word = quoted ? undefined : this.#match(WORD)
    if (!quoted && !word) throw this.#unexpected(expected)
    this.#space()
    return (quoted ? quoted[1]! : word![0]).replaceAll(/\\(.)/g, '$1')
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position
    const found = pattern.exec(this.#text)
    if (found) this.#position += found[0].length
    return found
  }

  #isAhead(sign: string): boolean {
    return this.#text[this.#position] === sign
  }

  #take(sign: string): boolean {
    if (!this.#isAhead(sign)) return false
    this.#position += 1
    this.#space()
    return true
  }

  #isWordAhead(word: string): boolean {
    return (
      this.#text.startsWith(word, this.#position) &&
      /^(?:[\s()]|$)/.test(this.#text.slice(this.#position + word.length, this.#position + word.length + 1))
    )
  }

  #takeWord(word: string): boolean {
    if (!this.#isWordAhead(word)) return false
    this.#position += word.length
    this.#space()
    return true
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#position] ?? '')) this.#position += 1
  }

  #unexpected(expected: string): QueryError {
    const from = this.#position
    const found = this.#text[from]
    return new QueryError(
      found === undefined
        ? `expected ${expected}, but the search ends here`
        : `expected ${expected}, not "${found}"`,
      { from, to: from + 1 },
    )
  }
}

const COMPARISONS = {
  '>': (bound: number) => (value: number) => value > bound,
  '>=': (bound: number) => (value: number) => value >= bound,
  '<': (bound: number) => (value: number) => value < bound,
  '<=': (bound: number) => (value: number) => value <= bound,
} as const

const everything: Search = { matches: () => true, literals: [] }

function allOf(operands: readonly Search[]): Search {
  return {
    matches: (event) => operands.every((operand) => operand.matches(event)),
    literals: operands.flatMap(({ literals }) => literals),
  }
}

function anyOf(operands: readonly Search[]): Search {
  if (operands.length === 1) return operands[0]!
  return { matches: (event) => operands.some((operand) => operand.matches(event)), literals: [] }
}

function not(operand: Search): Search {
  return { matches: (event) => !operand.matches(event), literals: [] }
}

/** Attributes keep their letter case. For all other fields it does not matter. */
function is(key: string, wanted: string, mayHaveStars: boolean): Search {
  const fold = (text: string) => (key.startsWith('@') ? text : text.toLowerCase())
  const parts = mayHaveStars ? fold(wanted).split('*') : [fold(wanted)]
  return {
    matches: (event) => textsOf(event.field(key)).some((text) => matchesParts(fold(text), parts)),
    literals:
      parts.length === 1 && (isSent(key) || (key === 'status' && wanted === 'error'))
        ? [asInJson(wanted)]
        : [],
  }
}

/** `@duration` is computed. */
function isSent(key: string): boolean {
  return key.startsWith('@') && key !== '@duration'
}

function number(key: string, holds: (value: number) => boolean): Search {
  return {
    matches: (event) => textsOf(event.field(key)).some((text) => text !== '' && holds(Number(text))),
    literals: [],
  }
}

function words(wanted: string): Search {
  const parts = wanted.toLowerCase().split('*').filter(Boolean)
  return {
    matches: ({ message }) => {
      const text = message.toLowerCase()
      return parts.every((part) => text.includes(part))
    },
    literals: [],
  }
}

/** A list matches by each of its values. */
export function textsOf(value: PlainValue | undefined): string[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.flatMap(textsOf)
  return typeof value === 'object' ? [] : [String(value)]
}

/** The texts that a variable or a command's option allows, and their values. */
export interface Allowed<T> {
  /** In a sentence: "set it to a whole number from 1 to 5". */
  readonly expected: string
  /** In a table: "1 to 5". */
  readonly range: string
  /** Undefined for a text that is not allowed. */
  parse(text: string): T | undefined
}

/** `zero` names the meaning of 0 where 0 is no ordinary number. */
export function wholeNumber(min: number, max: number, zero = () => 0): Allowed<number> {
  const range = `${min} to ${max}`
  return {
    expected: `a whole number from ${range}`,
    range,
    parse(text) {
      const value = Number(text)
      if (!/^\d+$/.test(text) || value < min || value > max) return undefined
      return value === 0 ? zero() : value
    },
  }
}

export function oneOf<const C extends string>(choices: readonly C[]): Allowed<C> {
  const range = choices.join(', ')
  return { expected: `one of ${range}`, range, parse: (text) => choices.find((choice) => choice === text) }
}

export function matching(expected: string, isValid: RegExp | ((text: string) => boolean)): Allowed<string> {
  const accepts = isValid instanceof RegExp ? (text: string) => isValid.test(text) : isValid
  return { expected, range: expected, parse: (text) => (accepts(text) ? text : undefined) }
}

import { readFileSync } from 'node:fs'

/**
 * Reads variables the way the specification asks for (https://opentelemetry.io/docs/specs/otel/configuration/
 * sdk-environment-variables/): empty is unset, an unknown or malformed value is warned about and ignored.
 */
export class Environment {
  readonly #env: NodeJS.ProcessEnv
  readonly #warn: (message: string) => void

  constructor(env: NodeJS.ProcessEnv, warn: (message: string) => void) {
    this.#env = env
    this.#warn = warn
  }

  text(name: string): string | undefined {
    const value = this.#env[name]?.trim()
    return value === '' ? undefined : value
  }

  /** Only "true" is true, in any letter case. */
  flag(name: string): boolean {
    const value = this.text(name)?.toLowerCase()
    if (value !== undefined && value !== 'true' && value !== 'false')
      this.#ignored(name, 'true or false', 'false')
    return value === 'true'
  }

  integer(name: string, fallback: number, min: number): number
  integer(name: string, fallback: number | undefined, min: number): number | undefined
  integer(name: string, fallback: number | undefined, min: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return fallback
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value
    this.#ignored(name, `a whole number from ${min}`, fallback ?? 'no value')
    return fallback
  }

  /** A delay of a timer: the largest that Node's can have is 2^31-1. */
  milliseconds(name: string, fallback: number): number {
    const value = this.integer(name, fallback, 1)
    if (value <= MAX_TIMER_MS) return value
    this.#ignored(name, `at most ${MAX_TIMER_MS}`, fallback)
    return fallback
  }

  /** From 0 to 1. */
  ratio(name: string, fallback: number): number {
    const text = this.text(name)
    if (text === undefined) return fallback
    const value = Number(text)
    if (value >= 0 && value <= 1) return value
    this.#ignored(name, 'a number from 0 to 1', fallback)
    return fallback
  }

  choice<const C extends string>(name: string, choices: readonly C[], fallback: C): C {
    const text = this.text(name)?.toLowerCase()
    if (text === undefined) return fallback
    const found = choices.find((choice) => choice === text)
    if (found === undefined) this.#ignored(name, `one of ${choices.join(', ')}`, fallback)
    return found ?? fallback
  }

  /** Known members of a comma-separated list, each once. Undefined if the variable is unset. */
  list<const C extends string>(name: string, choices: readonly C[]): C[] | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const members = new Set<C>()
    for (const member of text.split(',').map((part) => part.trim().toLowerCase())) {
      const known = choices.find((choice) => choice === member)
      if (known !== undefined) members.add(known)
      else if (member !== '')
        this.#warn(`${name} names "${member}", which is not one of ${choices.join(', ')}; it is left out.`)
    }
    return [...members]
  }

  url(name: string): string | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
    this.#ignored(name, 'an http or https URL', 'its default')
    return undefined
  }

  /** The content of the named file. */
  file(name: string): Buffer | undefined {
    const path = this.text(name)
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch {
      this.#ignored(name, 'a file that can be read', 'none')
      return undefined
    }
  }

  /** `key=value,key=value`, percent-encoded; as the specification asks, one malformed member discards the whole. */
  pairs(name: string): Record<string, string> {
    const members = (this.text(name) ?? '').split(',').filter((member) => member.trim() !== '')
    try {
      return Object.fromEntries(members.map(parsePair))
    } catch {
      this.#ignored(name, 'percent-encoded key=value pairs with commas between', 'no value')
      return {}
    }
  }

  #ignored(name: string, expected: string, used: string | number): void {
    this.#warn(`${name} must be ${expected}; using ${used} instead.`)
  }
}

const MAX_TIMER_MS = 2_147_483_647

function parsePair(member: string): [string, string] {
  const [key, value, ...rest] = member.split('=').map((part) => decodeURIComponent(part.trim()))
  if (!key || value === undefined || rest.length > 0) throw new Error('not a key=value pair')
  return [key, value]
}

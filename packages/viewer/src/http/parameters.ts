import { HttpError } from './http-error.ts'

/** The members of a query string, each read once and strictly. A member that no one reads is misspelt. Throws 400. */
export class Parameters {
  readonly #parameters: URLSearchParams
  readonly #read = new Set<string>()

  constructor(parameters: URLSearchParams) {
    this.#parameters = parameters
  }

  text(name: string): string | undefined {
    this.#read.add(name)
    return this.#parameters.get(name) || undefined
  }

  number(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!Number.isFinite(value) || value < 0) throw new HttpError(400, `${name} is a number from 0.`)
    return value
  }

  integer(name: string, fallback: number, most: number): number {
    const value = this.number(name) ?? fallback
    if (!Number.isInteger(value) || value < 1 || value > most)
      throw new HttpError(400, `${name} is a whole number from 1 to ${most}.`)
    return value
  }

  choice<C extends string>(name: string, choices: readonly C[]): C | undefined {
    const text = this.text(name)
    const found = choices.find((choice) => choice === text)
    if (text !== undefined && found === undefined)
      throw new HttpError(400, `${name} is one of ${choices.join(', ')}.`)
    return found
  }

  /** The end of the page before; opaque to the caller. */
  cursor(): number | undefined {
    const text = this.text('cursor')
    if (text === undefined) return undefined
    if (!/^\d{1,15}$/.test(text)) throw new HttpError(400, 'cursor is the nextCursor of the page before.')
    return Number(text)
  }

  end(): void {
    for (const name of this.#parameters.keys())
      if (!this.#read.has(name))
        throw new HttpError(
          400,
          `${name.slice(0, 50)} is not known here; there are ${[...this.#read].join(', ')}.`,
        )
  }
}

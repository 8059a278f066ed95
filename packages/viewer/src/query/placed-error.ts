import { QueryError } from './query-error.ts'

/** A {@link QueryError} with its text. */
export class PlacedError extends Error {
  override readonly name = 'PlacedError'
  readonly query: string
  readonly text: string
  readonly error: QueryError

  constructor(query: string, text: string, error: QueryError) {
    super(error.message)
    this.query = query
    this.text = text
    this.error = error
  }
}

/** Adds the text to an error. The innermost text holds. */
export function placed<R>(query: string, text: string, work: () => R): R {
  try {
    return work()
  } catch (error) {
    if (error instanceof QueryError) throw new PlacedError(query, text, error)
    throw error
  }
}

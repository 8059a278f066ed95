/** A database that cannot be used: one sentence with the cause and the mend. */
export class DatabaseError extends Error {
  override readonly name: string = 'DatabaseError'
}

/**
 * Another process held a lock for longer than a statement waits. Nothing has happened: the statement may be repeated.
 */
export class DatabaseLockedError extends DatabaseError {
  override readonly name = 'DatabaseLockedError'

  constructor(options: ErrorOptions) {
    super('The database is locked by another process; try again in a moment.', options)
  }
}

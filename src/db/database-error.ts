/** A database that cannot be used: one sentence that says what is wrong and how to mend it. */
export class DatabaseError extends Error {
  override readonly name: string = 'DatabaseError'
}

/** Another process held a lock for longer than a statement waits. Nothing has happened: it may be tried again. */
export class DatabaseLockedError extends DatabaseError {
  override readonly name = 'DatabaseLockedError'

  constructor(options: ErrorOptions) {
    super('The database is locked by another process; try again in a moment.', options)
  }
}

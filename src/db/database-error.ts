/** A database that cannot be used: one sentence that says what is wrong and how to mend it. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
}

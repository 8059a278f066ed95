import type { Tables } from '../../migrations/index.ts'

type Column = { [Table in keyof Tables]: `${Table}.${keyof Tables[Table] & string}` }[keyof Tables]

/** The row would be a second one with these values: `isUniqueViolation(error, 'users.email_key')`. */
export function isUniqueViolation(error: unknown, ...columns: Column[]): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  return (
    (code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY') &&
    message === `UNIQUE constraint failed: ${columns.join(', ')}`
  )
}

/** The row refers to a row that does not exist. SQLite does not say which one. */
export function isForeignKeyViolation(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'SQLITE_CONSTRAINT_FOREIGNKEY'
}

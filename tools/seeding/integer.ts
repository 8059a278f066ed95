import { sql } from 'kysely'

/** The driver binds every JavaScript number as a REAL, with which `/` and `||` give other results. */
export function integer(value: number) {
  return sql<number>`cast(${value} as integer)`
}

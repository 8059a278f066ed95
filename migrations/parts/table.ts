import { type CreateTableBuilder, type Kysely, sql } from 'kysely'

/** STRICT tables refuse a value of another type instead of storing it as it is. */
export function strict<T extends string, C extends string>(
  table: CreateTableBuilder<T, C>,
  option?: 'without rowid',
): CreateTableBuilder<T, C> {
  return table.modifyEnd(option ? sql`strict, without rowid` : sql`strict`)
}

/** Counts the rows of an empty table in `table_rows` from now on, by triggers, which cascades fire too. */
export async function countRows(db: Kysely<unknown>, table: string): Promise<void> {
  const name = sql.lit(table)
  await sql`insert into table_rows (name, rows) values (${name}, 0)`.execute(db)
  for (const [event, change] of [
    ['insert', 1],
    ['delete', -1],
  ] as const)
    await sql`
      create trigger ${sql.ref(`${table}_count_${event}`)} after ${sql.raw(event)} on ${sql.table(table)} begin
        update table_rows set rows = rows + ${sql.lit(change)} where name = ${name};
      end
    `.execute(db)
}

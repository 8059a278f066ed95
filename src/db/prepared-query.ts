import { type Compilable, type CompiledQuery, type RawBuilder, sql } from 'kysely'
import { type Database, SqliteDatabase } from './database.ts'

/** Stands in a query for a value that each run gives. */
class Parameter {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

type Parameters = Readonly<Record<string, unknown>>
type ParameterOf<P extends Parameters> = <K extends keyof P & string>(name: K) => RawBuilder<P[K]>

/** Runs the query with values for its parameters; resolves to its rows, in the query's order. */
export type PreparedQuery<P extends Parameters, Row> = (db: Database, values: P) => Promise<Row[]>

/**
 * A query that is built and compiled once instead of on every call, for queries of each request: building one takes
 * Kysely about twice as long as SQLite takes for a page of fifty rows. `parameter('name')` stands in for a value. Its
 * plus leaves the value as it is, but keeps SQLite from planning with it and compiling the statement anew for the next
 * value (seen for limits and behind joins), which costs as much as the page.
 *
 *     const byId = prepareQuery<{ id: number }>()((db, parameter) =>
 *       db.selectFrom('users').selectAll().where('id', '=', parameter('id')))
 *     const [user] = await byId(db, { id: 1 })
 */
export function prepareQuery<P extends Parameters>() {
  return <Row>(build: Build<P, Row>): PreparedQuery<P, Row> => {
    const bind = prepare(build)
    return async (db, values) => {
      const query = bind(db, values)
      if (db instanceof SqliteDatabase)
        return (await db.run(query.sql, query.parameters, 'objects')).rows as Row[]
      return (await db.executeQuery(query)).rows
    }
  }
}

/**
 * The same for a query that selects one column: resolves to its values. Objects would take a quarter of the time of a
 * page of fifty texts.
 */
export function prepareColumn<P extends Parameters>() {
  return <Row extends object>(build: Build<P, Row>): PreparedQuery<P, Row[keyof Row]> => {
    const bind = prepare(build)
    return async (db, values) => {
      const query = bind(db, values)
      if (db instanceof SqliteDatabase)
        return (await db.run(query.sql, query.parameters, 'values')).rows as Row[keyof Row][]
      return (await db.executeQuery(query)).rows.map((row) => Object.values(row)[0])
    }
  }
}

type Build<P extends Parameters, Row> = (db: Database, parameter: ParameterOf<P>) => Compilable<Row>

/** Compiles at the first use; returns the compiled query with the values of one run. */
function prepare<P extends Parameters, Row>(build: Build<P, Row>) {
  // Transactions share their database's adapter, and its compiler.
  const compiled = new WeakMap<object, CompiledQuery<Row>>()
  const compile = (db: Database): CompiledQuery<Row> => {
    const query = build(db, (name) => sql`+${new Parameter(name)}`).compile()
    compiled.set(db.getExecutor().adapter, query)
    return query
  }
  return (db: Database, values: P): CompiledQuery<Row> => {
    const query = compiled.get(db.getExecutor().adapter) ?? compile(db)
    const parameters = query.parameters.map((value) =>
      value instanceof Parameter ? values[value.name] : value,
    )
    return { ...query, parameters }
  }
}

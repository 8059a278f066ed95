import Sqlite from 'better-sqlite3'

/** Tables whose size does not depend on the number of members. All others grow: no query may read one whole, or sort it. */
const SMALL = new Set([
  'table_rows',
  'kept_counts',
  'seed_password',
  'kysely_migration',
  'kysely_migration_lock',
  'sqlite_master',
  'pragma_table_info',
  'json_each',
])

/** Exact texts that may do what is forbidden otherwise, each with its reason. */
export const ALLOWED: ReadonlyMap<string, string> = new Map([])

/**
 * What is wrong with the plans of these statements in this database file, one sentence for each defect. A scan is
 * refused even under a LIMIT: a condition that matches nothing makes it read the whole table.
 */
export function planDefects(file: string, statements: Iterable<string>): string[] {
  const raw = new Sqlite(file, { readonly: true, fileMustExist: true })
  try {
    const tables = raw
      .prepare<[], string>(`select name from sqlite_master where type = 'table'`)
      .pluck()
      .all()
    const growing = new Set(tables.filter((name) => !SMALL.has(name)))
    return [...statements].flatMap((text) => defectsOf(raw, text, growing))
  } finally {
    raw.close()
  }
}

function defectsOf(raw: Sqlite.Database, text: string, growing: ReadonlySet<string>): string[] {
  if (!/^\s*(select|insert|update|delete|replace|with|values)\b/i.test(text) || ALLOWED.has(text)) return []
  const plan = (explain(raw, text) as { detail: string }[]).map((row) => row.detail)
  const names = aliases(text)
  const tableOf = (detail: string) => {
    const name = /^(?:SCAN|SEARCH) (\S+)/.exec(detail)?.[1] ?? ''
    return names.get(name) ?? name
  }
  const touchesGrowing = plan.some((detail) => growing.has(tableOf(detail)))
  const defective = plan.filter((detail) => {
    if (/^SCAN /.test(detail)) return !isHarmless(tableOf(detail), text, growing)
    // A range over any value of the first column, and an index made for one execution, are scans by other names.
    if (/^SEARCH /.test(detail)) return growing.has(tableOf(detail)) && /\bANY\(|AUTOMATIC/.test(detail)
    return touchesGrowing && /TEMP B-TREE/.test(detail)
  })
  return defective.map((detail) => `${detail} in: ${text}`)
}

/** `explain` takes no parameters; the types of better-sqlite3 do not have it yet. */
function explain(raw: Sqlite.Database, text: string): unknown[] {
  return (raw as unknown as { explain(source: string): unknown[] }).explain(`QUERY PLAN ${text}`)
}

/** What SQLite calls a table in a plan is its alias, where it has one. */
function aliases(text: string): Map<string, string> {
  const found = text.matchAll(/(?:\bfrom|\bjoin|\bupdate|\binto|,)\s+"?(\w+)"?\s+(?:as\s+)?"?(\w+)"?/gi)
  return new Map([...found].map(([, table, alias]) => [alias as string, table as string]))
}

/** Whatever is neither known to be small nor named by the statement itself counts as growing. */
function isHarmless(name: string, text: string, growing: ReadonlySet<string>): boolean {
  if (growing.has(name)) return false
  if (SMALL.has(name) || name === 'CONSTANT' || name.startsWith('(')) return true
  // A common table expression, or a subquery under a name: what they read has lines of its own in the plan.
  const definition = `"?\\b${name}\\b"?\\s*(\\([^)]*\\))?\\s*as\\s*(not\\s+)?(materialized\\s*)?\\(`
  return new RegExp(`${definition}|\\)\\s*(as\\s+)?"?${name}\\b`, 'i').test(text)
}

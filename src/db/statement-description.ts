import type { StatementDescription } from './observer.ts'

/** OpenTelemetry's database conventions cut a summary here. */
const SUMMARY_MAX_CHARACTERS = 255

/** Comments and strings are skipped; a quoted identifier, a word and a mark are each one token. */
const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"((?:[^"]|"")*)"|`([^`]*)`|\[([^\]]*)\]|([\p{L}_][\p{L}\p{N}_$]*)|([(),;.])/gu

interface Token {
  /** Upper case for a bare word, undefined for a quoted one, which is never a keyword. */
  readonly keyword: string | undefined
  readonly text: string
}

const VERBS = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'VALUES'])
/** Words that may stand between a table's announcement and its name. */
const BEFORE_A_NAME = new Set(['IF', 'NOT', 'EXISTS', 'ONLY', 'OR', 'IGNORE', 'ABORT', 'FAIL', 'ROLLBACK'])
/** Words that end a list of tables: a comma behind them separates something else. */
const ENDS_TABLES = new Set([
  'WHERE',
  'GROUP',
  'ORDER',
  'LIMIT',
  'HAVING',
  'WINDOW',
  'RETURNING',
  'SET',
  'UNION',
])

/**
 * Names a statement for telemetry by its text: verb and tables, never a value. The verb of a `WITH` statement is that
 * of its main statement. Names that `WITH` defines are no tables, nor are functions that yield rows (`json_each(…)`).
 */
export function describeStatement(sql: string): StatementDescription {
  const tokens = tokenize(sql)
  const operation = operationOf(tokens)
  const tables = tablesOf(tokens)
  return { sql, operation, collection: tables[0], summary: summarize(operation, tables) }
}

function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  for (const [, double, back, bracket, word, mark] of sql.matchAll(TOKENS)) {
    const quoted = double ?? back ?? bracket
    if (quoted !== undefined) tokens.push({ keyword: undefined, text: quoted })
    else if (word !== undefined) tokens.push({ keyword: word.toUpperCase(), text: word })
    else if (mark !== undefined) tokens.push({ keyword: mark, text: mark })
  }
  return tokens
}

function operationOf(tokens: Token[]): string {
  const first = tokens[0]?.keyword ?? ''
  if (first !== 'WITH') return first
  let depth = 0
  for (const { keyword } of tokens) {
    if (keyword === '(') depth++
    else if (keyword === ')') depth--
    else if (depth === 0 && keyword !== undefined && VERBS.has(keyword)) return keyword
  }
  return first
}

function tablesOf(tokens: Token[]): string[] {
  const tables = new Set<string>()
  const defined = new Set<string>()
  /** For each open parenthesis: whether it holds a list of tables or one of definitions. */
  const scopes: ('tables' | 'definitions' | undefined)[] = [undefined]
  const at = (index: number) => tokens[index]?.keyword
  for (let index = 0; index < tokens.length; index++) {
    const keyword = at(index)
    const scope = scopes.length - 1
    if (keyword === '(') scopes.push(undefined)
    else if (keyword === ')') scopes.pop()
    else if (keyword === 'WITH') {
      scopes[scope] = 'definitions'
      index += at(index + 1) === 'RECURSIVE' ? 2 : 1
      defined.add(tokens[index]?.text ?? '')
    } else if (keyword === ',' && scopes[scope] === 'definitions') {
      defined.add(tokens[++index]?.text ?? '')
    } else if (announcesTable(tokens, index) || (keyword === ',' && scopes[scope] === 'tables')) {
      if (keyword === 'FROM' || keyword === 'JOIN') scopes[scope] = 'tables'
      const name = tableAfter(tokens, index, keyword)
      if (name !== undefined) tables.add(name)
    } else if (keyword !== undefined && ENDS_TABLES.has(keyword)) scopes[scope] = undefined
  }
  return [...tables].filter((name) => !defined.has(name))
}

function announcesTable(tokens: Token[], index: number): boolean {
  const before = tokens[index - 1]?.keyword
  switch (tokens[index]?.keyword) {
    case 'FROM':
      return before !== 'DISTINCT' || tokens[index - 2]?.keyword === 'SELECT'
    case 'JOIN':
    case 'INTO':
    case 'TABLE':
      return true
    case 'UPDATE':
      // `DO UPDATE SET` of an upsert and `FOR UPDATE` name no table.
      return before !== 'DO' && before !== 'FOR'
    case 'ON':
      return tokens[0]?.keyword === 'CREATE' && !tokens.slice(0, index).some((token) => token.keyword === '(')
    default:
      return false
  }
}

function tableAfter(tokens: Token[], announced: number, keyword: string | undefined): string | undefined {
  let index = announced + 1
  while (BEFORE_A_NAME.has(tokens[index]?.keyword ?? '')) index++
  if (tokens[index + 1]?.keyword === '.') index += 2
  const name = tokens[index]
  if (name === undefined || /^\W$/.test(name.text)) return undefined
  const isFunction = tokens[index + 1]?.keyword === '('
  return isFunction && (keyword === 'FROM' || keyword === 'JOIN' || keyword === ',') ? undefined : name.text
}

function summarize(operation: string, tables: string[]): string {
  let summary = operation
  for (const table of tables) {
    if (summary.length + 1 + table.length > SUMMARY_MAX_CHARACTERS) break
    summary += ` ${table}`
  }
  return summary
}

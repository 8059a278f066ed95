import { DatabaseError } from './database-error.ts'

/**
 * Set at every open, because none but the journal mode is kept in the file, and asserted, because SQLite
 * ignores a value that it cannot apply.
 */
const PRAGMAS = [
  /** Readers and the writer do not wait for each other. */
  { name: 'journal_mode', value: 'wal', memory: 'memory' },
  /**
   * FULL: a write that was answered with success survives a power cut. Set even if it reads as FULL already: this build
   * falls to NORMAL at the first write of a WAL database unless it was set explicitly.
   */
  { name: 'synchronous', value: 2 },
  { name: 'foreign_keys', value: 1 },
  /** The schema of a file from elsewhere runs no functions with side effects. */
  { name: 'trusted_schema', value: 0 },
  /** Mapped files turn I/O errors into signals, which kill the process. */
  { name: 'mmap_size', value: 0, memory: undefined },
  { name: 'wal_autocheckpoint', value: 1000 },
  /** A log that one long reader let grow is cut back at the next checkpoint. */
  { name: 'journal_size_limit', value: 64 * 1024 * 1024 },
] as const

/** `query` runs one statement and returns its rows. */
export function applyPragmas(query: (sql: string) => unknown[], inMemory: boolean): void {
  for (const pragma of PRAGMAS) {
    const expected = inMemory && 'memory' in pragma ? pragma.memory : pragma.value
    query(`pragma ${pragma.name} = ${pragma.value}`)
    const [row] = query(`pragma ${pragma.name}`) as Record<string, unknown>[]
    const found = row === undefined ? undefined : Object.values(row)[0]
    if (found !== expected)
      throw new DatabaseError(
        `SQLite's ${pragma.name} is ${found} where ${expected} was set; put the database on a local disk.`,
      )
  }
}

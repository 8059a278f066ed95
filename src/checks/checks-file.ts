import { readFileSync } from 'node:fs'
import { ConfigError } from '../config.ts'

/** All checks, by the metric that each records. */
export const CHECK_NAMES = ['test.support.random', 'rollcall.table.rows'] as const
export type CheckName = (typeof CHECK_NAMES)[number]

/** Seconds between two runs of each check; a check that is missing does not run. */
export type CheckIntervals = Readonly<Partial<Record<CheckName, { readonly everySeconds: number }>>>

const MAX_SECONDS = 86_400

/** Reads `checks.json`. Throws ConfigError, one sentence with the mend, for a file that cannot be used. */
export function readChecksFile(file: string): CheckIntervals {
  const checks = parse(file)
  if (!isRecord(checks)) throw refuse(file, 'must be an object with a member for each check')
  for (const [name, check] of Object.entries(checks)) {
    if (!(CHECK_NAMES as readonly string[]).includes(name))
      throw refuse(file, `names a check "${name}" that does not exist; there are ${CHECK_NAMES.join(', ')}`)
    if (!isRecord(check) || Object.keys(check).join() !== 'everySeconds')
      throw refuse(file, `must give "${name}" the one member "everySeconds"`)
    const { everySeconds } = check
    if (typeof everySeconds !== 'number' || !(everySeconds >= 1 && everySeconds <= MAX_SECONDS))
      throw refuse(file, `must give "${name}" an everySeconds from 1 to ${MAX_SECONDS}`)
  }
  return checks as CheckIntervals
}

function parse(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw refuse(file, `cannot be read (${code}); create it or point CHECKS_FILE at another one`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw refuse(file, 'is not well-formed JSON')
  }
}

function refuse(file: string, what: string): ConfigError {
  return new ConfigError(`The checks file ${file} ${what}.`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const LEVELS: Readonly<Record<string, string>> = {
  trace: 'Trace: ',
  debug: 'Debug: ',
  warn: 'Warning: ',
  error: 'Error: ',
  fatal: 'Fatal: ',
}

/** Fields without use for a person at a terminal. */
const LEFT_OUT = new Set(['span_id', 'lastTraceIds'])

const NAMES: Readonly<Record<string, string>> = { trace_id: 'trace' }

/** Characters that move the cursor, colour the screen or turn the text round: some text comes from outside. */
const CONTROLS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/**
 * A line of the log as a sentence for people: local time, the level unless it is `info`, the message, the error and its
 * place, and the other fields.
 */
export function plainLine(json: string): string {
  const { time, level, msg = '', err, ...fields } = JSON.parse(json)
  const said = [msg, ...(err ? [describe(err)] : [])].filter((part) => part !== '').join(': ')
  const rest = wordsOf(fields)
  const sentence = `${clock(time)} ${LEVELS[level] ?? ''}${said}${rest.length > 0 ? ` (${rest.join(', ')})` : ''}`
  return `${sentence.replace(CONTROLS, ' ')}\n`
}

function clock(time: string): string {
  return new Date(time).toTimeString().slice(0, 8)
}

/** The stack's first line is the place to look at; the log has all of it, unless it goes to a terminal. */
function describe({ type, message, stack }: { type?: string; message?: string; stack?: string }): string {
  const place = /^ +at .+$/m.exec(stack ?? '')?.[0].trim()
  return `${type ?? 'Error'}: ${message ?? ''}${place === undefined ? '' : ` ${place}`}`
}

/** The fields of an object without its own name: `not-found 12`. */
function wordsOf(fields: Record<string, unknown>): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (LEFT_OUT.has(name) || value === null || value === '') return []
    if (typeof value === 'object' && !Array.isArray(value)) return wordsOf(value as Record<string, unknown>)
    return [`${NAMES[name] ?? name} ${value}`]
  })
}

import { parseArgs } from 'node:util'
import { ConfigError } from '../config.ts'
import { DatabaseError } from '../db/database-error.ts'
import { Problem } from '../errors.ts'
import { SIGNAL_ECHO_MS } from './signal-echo.ts'

interface IntegerOption {
  readonly kind: 'integer'
  readonly min: number
  readonly max: number
}
interface TextOption {
  readonly kind: 'text'
}
/** May be given several times, or not at all. */
interface TextsOption {
  readonly kind: 'texts'
  readonly required?: never
}
type ValuedOption = (IntegerOption | TextOption | TextsOption) & {
  readonly required?: true
  /** What stands for the value in the help: `--users N`. */
  readonly placeholder: string
}
interface FlagOption {
  readonly kind: 'flag'
  readonly required?: never
  readonly placeholder?: never
}
type Option = (ValuedOption | FlagOption) & { readonly meaning: string }

type ValueOf<O extends Option> = O extends FlagOption
  ? boolean
  : O extends TextsOption
    ? readonly string[]
    : (O extends IntegerOption ? number : string) | (O extends { required: true } ? never : undefined)
export type Values<Options extends Record<string, Option>> = {
  readonly [K in keyof Options]: ValueOf<Options[K]>
}

/** How a program is called. */
export interface Usage<Options extends Record<string, Option>> {
  /** As it is typed: `npm run seed`. */
  readonly name: string
  readonly summary: string
  readonly options: Options
}

export interface Command<Options extends Record<string, Option>> extends Usage<Options> {
  /**
   * Aborted by SIGINT or SIGTERM: leave everything in order and return. A number that it returns is what the command
   * exits with, interrupted or not: that of a program which it ran.
   */
  run(values: Values<Options>, signal: AbortSignal): Promise<void> | Promise<number>
}

/** A failure that the caller can mend: one sentence that says how. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError'
}

/** The command was typed wrongly; exits with 2 instead of 1. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError'
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * The frame of every command: reads its options strictly, gives help, says a failure in one sentence on stderr, and
 * exits with 0, 1 (it failed), 2 (it was typed wrongly) or 130 and 143 (interrupted, after leaving all in order).
 */
export async function runCommand<Options extends Record<string, Option>>(
  command: Command<Options>,
  args = process.argv.slice(2),
): Promise<void> {
  const interrupt = new AbortController()
  let interruptedWith: number | undefined
  let interruptedAt = Number.NEGATIVE_INFINITY
  let ownCode: number | undefined
  for (const [signal, code] of Object.entries(EXIT_CODES))
    process.on(signal, () => {
      if (performance.now() - interruptedAt < SIGNAL_ECHO_MS) return
      // Who asks twice does not want to wait for order.
      if (interruptedWith !== undefined) process.exit(code)
      interruptedWith = code
      interruptedAt = performance.now()
      interrupt.abort()
    })
  try {
    const values = readOptions(command, args)
    if (values === 'help') process.stdout.write(help(command))
    else ownCode = (await command.run(values, interrupt.signal)) ?? undefined
  } catch (error) {
    if (interruptedWith === undefined) {
      process.stderr.write(`${sentenceOf(error)}\n`)
      process.exitCode = error instanceof UsageError ? 2 : 1
    }
  }
  const code = ownCode ?? interruptedWith
  if (code !== undefined) process.exitCode = code
}

function sentenceOf(error: unknown): string {
  const isOurs =
    error instanceof CommandError ||
    error instanceof DatabaseError ||
    error instanceof ConfigError ||
    error instanceof Problem
  const message = error instanceof Error ? error.message : String(error)
  return isOurs ? message : `It failed in an unforeseen way (${message}); report this with what you did.`
}

/** The values of a command's options, or `help`. Throws {@link UsageError}. */
export function readOptions<Options extends Record<string, Option>>(
  command: Usage<Options>,
  args = process.argv.slice(2),
): Values<Options> | 'help' {
  const texts = parse(command, args)
  if (texts.help === true) return 'help'
  const entries = Object.entries(command.options).map(([name, option]) => {
    const text = texts[name]
    if (option.kind === 'flag') return [name, text === true]
    if (option.kind === 'texts') return [name, text ?? []]
    if (typeof text === 'string') return [name, readValue(name, option, text)]
    if (option.required) throw new UsageError(`--${name} is missing; see ${command.name} -- --help.`)
    return [name, undefined]
  })
  return Object.fromEntries(entries)
}

function parse(command: Usage<Record<string, Option>>, args: string[]): Record<string, unknown> {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { kind }]) => [
      name,
      { type: kind === 'flag' ? ('boolean' as const) : ('string' as const), multiple: kind === 'texts' },
    ]),
  )
  const help = { help: { type: 'boolean' as const, short: 'h' } }
  try {
    return parseArgs({ args, options: { ...options, ...help }, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new UsageError(`${complaint(error as Error & { code?: string })}; see ${command.name} -- --help.`)
  }
}

/** Node's own sentences go on for several lines. */
function complaint(error: Error & { code?: string }): string {
  const named = /'(?:-\w, )?(-[^'\s=]*)/.exec(error.message)?.[1] ?? ''
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `${named} is not known`
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return /does not take/.test(error.message) ? `${named} takes no value` : `${named} needs a value`
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `${/'[^']*'/.exec(error.message)?.[0] ?? 'a word'} is not expected`
    default:
      return error.message
  }
}

function readValue(name: string, option: IntegerOption | TextOption, text: string): number | string {
  if (option.kind === 'text') return text
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < option.min || value > option.max)
    throw new UsageError(`--${name} is "${text}"; give a whole number from ${option.min} to ${option.max}.`)
  return value
}

export function help(command: Usage<Record<string, Option>>): string {
  const rows = Object.entries(command.options).map(([name, option]): [string, string] => [
    typed(name, option),
    option.meaning,
  ])
  rows.push(['--help', 'this text'])
  const width = Math.max(...rows.map(([left]) => left.length))
  const usage = Object.entries(command.options).map(([name, option]) => {
    const flag = typed(name, option)
    return option.required ? flag : `[${flag}]${option.kind === 'texts' ? ' ...' : ''}`
  })
  return [
    [command.name, ...(usage.length > 0 ? ['--', ...usage] : [])].join(' '),
    '',
    command.summary,
    '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
  ].join('\n')
}

function typed(name: string, option: Option): string {
  return option.placeholder === undefined ? `--${name}` : `--${name} ${option.placeholder}`
}

import { parseArgs } from 'node:util'
import { type Allowed, wholeNumber } from '../allowed.ts'
import { ConfigError } from '../config.ts'
import { DatabaseError } from '../db/database-error.ts'
import { Problem } from '../errors.ts'
import { SIGNAL_ECHO_MS } from './signal-echo.ts'

/** An option of a command, and how its value is read; made by the functions below. */
export interface Option<T> {
  readonly meaning: string
  /** Stands for the value in the help, `--users N`; a flag has none. */
  readonly placeholder?: string
  /** May be given several times. */
  readonly isRepeated?: true
  readonly isRequired?: true
  /** Typed without its name, in its place behind the command. */
  readonly isArgument?: true
  /** Reads the typed text; `undefined` if the option was left out. */
  read(typed: Typed | undefined, name: string): T
}
type Typed = string | boolean | (string | boolean)[]

export type Values<Options extends Record<string, Option<unknown>>> = {
  readonly [K in keyof Options]: Options[K] extends Option<infer T> ? T : never
}

/** Given or not. */
export function flag(meaning: string): Option<boolean> {
  return { meaning, read: (typed) => typed === true }
}

/** Any text. */
export function text(placeholder: string, meaning: string): Option<string | undefined> {
  return { placeholder, meaning, read: (typed) => typed as string | undefined }
}

/** May be given several times, or not at all. */
export function texts(placeholder: string, meaning: string): Option<readonly string[]> {
  return { placeholder, meaning, isRepeated: true, read: (typed = []) => typed as string[] }
}

/** A whole number from `min` to `max`. */
export function integer(placeholder: string, [min, max]: [min: number, max: number], meaning: string) {
  return value(placeholder, wholeNumber(min, max), meaning)
}

/** An allowed text, parsed; throws {@link UsageError} for another one. */
export function value<T>(placeholder: string, allowed: Allowed<T>, meaning: string): Option<T | undefined> {
  return {
    placeholder,
    meaning,
    read(typed, name) {
      if (typed === undefined) return undefined
      const given = allowed.parse(typed as string)
      if (given === undefined) throw new UsageError(`--${name} is "${typed}"; give ${allowed.expected}.`)
      return given
    },
  }
}

/** The command does nothing without this option. */
export function required<T>(option: Option<T | undefined>): Option<T> {
  return { ...option, isRequired: true, read: (typed, name) => option.read(typed, name) as T }
}

/** A word behind the command that it does nothing without. Arguments are typed in the order of the options. */
export function argument<T>(option: Option<T | undefined>): Option<T> {
  return { ...required(option), isArgument: true }
}

/** A program's name, summary and options. */
export interface Usage<Options extends Record<string, Option<unknown>>> {
  /** As it is typed: `npm run seed`. */
  readonly name: string
  readonly summary: string
  readonly options: Options
}

export interface Command<Options extends Record<string, Option<unknown>>> extends Usage<Options> {
  /**
   * SIGINT or SIGTERM aborts the signal: leave everything in order and return. The returned number is the exit code,
   * interrupted or not: that of a program that it ran.
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

/** One of the commands of a program that has several; made by {@link subcommand}. */
export interface Subcommand {
  readonly summary: string
  usage(name: string): string
  run(name: string, args: string[]): Promise<void>
}

export function subcommand<Options extends Record<string, Option<unknown>>>(
  command: Omit<Command<Options>, 'name'>,
): Subcommand {
  return {
    summary: command.summary,
    usage: (name) => usageLine({ ...command, name }),
    run: (name, args) => runCommand({ ...command, name }, args),
  }
}

/** The frame of a program with several commands, of which the first word picks one: `npm run admin -- grant EMAIL`. */
export async function runSubcommand(
  program: { readonly name: string; readonly summary: string; readonly commands: Record<string, Subcommand> },
  args = process.argv.slice(2),
): Promise<void> {
  const { name, summary, commands } = program
  const [word, ...rest] = args
  const isOption = word === undefined || word.startsWith('-')
  if (!isOption && Object.hasOwn(commands, word)) return commands[word]?.run(`${name} -- ${word}`, rest)
  const words = Object.keys(commands)
  const lines = Object.entries(commands).flatMap(([one, command]) => [
    command.usage(`${name} -- ${one}`),
    ...command.summary.split('\n').map((line) => `  ${line}`),
    '',
  ])
  await runCommand(
    {
      name,
      summary: [summary, '', ...lines.slice(0, -1)].join('\n'),
      options: {},
      async run() {
        const complaint = word === undefined ? 'A command is missing' : `'${word}' is not a command`
        throw new UsageError(`${complaint}; give ${words.join(' or ')}, or see ${name} -- --help.`)
      },
    },
    isOption ? args : rest.filter((each) => each === '--help' || each === '-h'),
  )
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * The frame of every command: reads its options strictly, prints help, reports a failure in one sentence on stderr, and
 * exits with 0, 1 (it failed), 2 (it was typed wrongly) or 130 and 143 (interrupted, with all left in order).
 */
export async function runCommand<Options extends Record<string, Option<unknown>>>(
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
      // A second request does not wait for order.
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
  return isOurs ? message : `It failed in an unforeseen way (${message}); report this with the command line.`
}

/** The values of a command's options, or `help`. Throws {@link UsageError}. */
export function readOptions<Options extends Record<string, Option<unknown>>>(
  command: Usage<Options>,
  args = process.argv.slice(2),
): Values<Options> | 'help' {
  const typed = parse(command, args)
  if (typed.help === true) return 'help'
  const entries = Object.entries(command.options).map(([name, option]) => {
    const given = typed[name]
    if (given === undefined && option.isRequired)
      throw new UsageError(
        `${option.isArgument ? option.placeholder : `--${name}`} is missing; see ${withOptions(command)} --help.`,
      )
    return [name, option.read(given, name)]
  })
  return Object.fromEntries(entries)
}

function parse(
  command: Usage<Record<string, Option<unknown>>>,
  args: string[],
): Record<string, Typed | undefined> {
  const all = Object.entries(command.options)
  const places = all.filter(([, { isArgument }]) => isArgument).map(([name]) => name)
  const options = Object.fromEntries(
    all
      .filter(([, { isArgument }]) => !isArgument)
      .map(([name, { placeholder, isRepeated = false }]) => [
        name,
        {
          type: placeholder === undefined ? ('boolean' as const) : ('string' as const),
          multiple: isRepeated,
        },
      ]),
  )
  const help = { help: { type: 'boolean' as const, short: 'h' } }
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { ...options, ...help },
      strict: true,
      allowPositionals: places.length > 0,
    })
    const stray = positionals[places.length]
    if (stray !== undefined && values.help !== true) throw new Error(`'${stray}' is not expected`)
    return { ...values, ...Object.fromEntries(places.map((name, index) => [name, positionals[index]])) }
  } catch (error) {
    throw new UsageError(
      `${complaint(error as Error & { code?: string })}; see ${withOptions(command)} --help.`,
    )
  }
}

/** Node's own sentences take several lines. */
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

/**
 * npm passes on all words after the first `--`, so a name with words behind it (`npm run drill -- steady`) needs no
 * other.
 */
function withOptions({ name }: Usage<Record<string, Option<unknown>>>): string {
  return name.includes(' -- ') ? name : `${name} --`
}

/** The text of `--help`. */
export function help(command: Usage<Record<string, Option<unknown>>>): string {
  const rows = Object.entries(command.options).map(([name, option]): [string, string] => [
    asTyped(name, option),
    option.meaning,
  ])
  rows.push(['--help', 'this text'])
  const width = Math.max(...rows.map(([left]) => left.length))
  return [
    usageLine(command),
    '',
    command.summary,
    '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
  ].join('\n')
}

function usageLine(command: Usage<Record<string, Option<unknown>>>): string {
  const usage = Object.entries(command.options).map(([name, option]) => {
    const one = asTyped(name, option)
    return option.isRequired ? one : `[${one}]${option.isRepeated ? ' ...' : ''}`
  })
  return usage.length > 0 ? [withOptions(command), ...usage].join(' ') : command.name
}

function asTyped(name: string, option: Option<unknown>): string {
  if (option.isArgument) return option.placeholder ?? name
  return option.placeholder === undefined ? `--${name}` : `--${name} ${option.placeholder}`
}

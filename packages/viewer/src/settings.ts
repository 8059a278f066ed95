/** The allowed texts from outside, and their values. */
interface Allowed<T> {
  /** For a sentence: "set it to a whole number from 1 to 5". */
  readonly expected: string
  /** For a table: "1 to 5". */
  readonly range: string
  /** Undefined for a text that is not allowed. */
  parse(text: string): T | undefined
}

interface Setting<T> {
  readonly env: string
  readonly default: T
  readonly allowed: Allowed<T>
  readonly unit?: string
  readonly meaning: string
}

/**
 * The settings of the program. Each is a variable of the environment and an option; the option overrides the
 * variable.
 */
export const SETTINGS = {
  host: {
    env: 'VIEWER_HOST',
    default: '127.0.0.1',
    allowed: {
      expected: 'an address or host name',
      range: 'an address or host name',
      parse: (text: string) => (/^[0-9a-zA-Z.:_-]+$/.test(text) ? text : undefined),
    },
    meaning: 'address that the viewer listens on',
  },
  port: {
    env: 'VIEWER_PORT',
    default: 4318,
    allowed: wholeNumber(0, 65_535),
    unit: 'port',
    meaning: 'port that the viewer listens on; 0 takes a free one, and the address is printed',
  },
  minutes: {
    env: 'VIEWER_MINUTES',
    default: 60,
    allowed: wholeNumber(1, 1440),
    unit: 'minutes',
    meaning: 'time for which the viewer keeps received data',
  },
  memory: {
    env: 'VIEWER_MEMORY_MIB',
    default: 256,
    allowed: wholeNumber(16, 16_384),
    unit: 'MiB',
    meaning: 'most memory for kept data; the oldest make room',
  },
} satisfies Record<string, Setting<string> | Setting<number>>

export type ViewerSettings = {
  readonly [K in keyof typeof SETTINGS]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never
}

/** The message names the wrong setting, its text and the expected form. */
export class SettingError extends Error {}

/**
 * Reads every setting from the environment. An unset or empty variable takes its default. Throws {@link SettingError}.
 */
export function readSettings(env: NodeJS.ProcessEnv): ViewerSettings {
  const entries = Object.entries<Setting<unknown>>(SETTINGS).map(([name, setting]) => {
    const text = env[setting.env]
    if (text === undefined || text === '') return [name, setting.default]
    const value = setting.allowed.parse(text)
    if (value === undefined)
      throw new SettingError(`${setting.env} is "${text}"; set it to ${setting.allowed.expected}.`)
    return [name, value]
  })
  return Object.fromEntries(entries)
}

function wholeNumber(min: number, max: number): Allowed<number> {
  const range = `${min} to ${max}`
  return {
    expected: `a whole number from ${range}`,
    range,
    parse(text) {
      const value = Number(text)
      return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined
    },
  }
}

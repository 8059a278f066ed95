import { BlockList } from 'node:net'
import { availableParallelism } from 'node:os'

/**
 * Every setting of the service: where it is read from, its unit, default and bounds. Read once, frozen and
 * handed down; the README's table is generated from here. `OTEL_*` variables belong to telemetry/environment.ts.
 */

interface IntegerSetting {
  readonly env: string
  readonly kind: 'integer'
  readonly default: number
  readonly min: number
  readonly max: number
  readonly unit: string
  readonly meaning: string
  /** What 0 stands for, where it is not a number like the others. */
  readonly zero?: () => number
}
interface TextSetting {
  readonly env: string
  readonly kind: 'text'
  readonly default: string
  readonly isValid: (text: string) => boolean
  readonly expects: string
  readonly meaning: string
}
interface ChoiceSetting {
  readonly env: string
  readonly kind: 'choice'
  readonly default: string
  readonly choices: readonly string[]
  readonly meaning: string
}
type Setting = IntegerSetting | TextSetting | ChoiceSetting

export const SETTINGS = {
  host: {
    env: 'HOST',
    kind: 'text',
    default: '127.0.0.1',
    isValid: (text: string) => /^[0-9a-zA-Z.:_-]+$/.test(text),
    expects: 'an address or host name',
    meaning: 'address to listen on',
  },
  port: {
    env: 'PORT',
    kind: 'integer',
    default: 3000,
    min: 0,
    max: 65_535,
    unit: 'port',
    meaning: 'port to listen on; 0 takes a free one, and the address is printed',
  },
  workers: {
    env: 'WORKERS',
    kind: 'integer',
    default: 1,
    min: 0,
    max: 64,
    unit: 'processes',
    meaning:
      'processes that serve on the one port; 0 takes one for each processor. Also `npm start -- --workers N`',
    zero: () => Math.min(availableParallelism(), 64),
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    kind: 'text',
    default: 'sqlite:data/rollcall.db',
    isValid: (text: string) => /^sqlite:.+$/.test(text),
    expects: 'sqlite: and the path of a file',
    meaning: 'where the data is',
  },
  databaseBusyTimeoutMs: {
    env: 'DATABASE_BUSY_TIMEOUT_MS',
    kind: 'integer',
    default: 5000,
    min: 0,
    max: 60_000,
    unit: 'ms',
    meaning: "how long a write waits for another process's lock before it is answered with 503",
  },
  instanceId: {
    env: 'INSTANCE_ID',
    kind: 'text',
    default: '',
    isValid: (text: string) => /^[\w.:-]{0,100}$/.test(text),
    expects: 'up to 100 letters, digits, . : _ -',
    meaning:
      '`service.instance.id` of the telemetry; empty means `host:port`. Unique for each live service: set it where two have one port on different addresses. A worker adds `/` and its slot',
  },
  supportTag: {
    env: 'SUPPORT_TAG',
    kind: 'text',
    default: 'rollcall',
    isValid: (text: string) => /^[a-z][\w./-]{0,99}$/.test(text),
    expects: 'a Datadog tag value in lower case',
    meaning: 'value of the tag `support`, which is on every metric',
  },
  publicOrigin: {
    env: 'PUBLIC_ORIGIN',
    kind: 'text',
    default: '',
    isValid: isOrigin,
    expects: 'scheme and host, without a path',
    meaning:
      "origin that browsers see; a cookie session's changes are accepted from it where Sec-Fetch-Site is missing",
  },
  trustProxy: {
    env: 'TRUST_PROXY',
    kind: 'text',
    default: '',
    isValid: (text: string) => parsePeers(text) !== undefined,
    expects: 'addresses or CIDR ranges with commas between',
    meaning:
      'proxies whose X-Forwarded-* headers, and callers whose sampling decisions, count; empty trusts none',
  },
  logLevel: {
    env: 'LOG_LEVEL',
    kind: 'choice',
    default: 'info',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    meaning: 'least severe line that is logged',
  },
  checksFile: {
    env: 'CHECKS_FILE',
    kind: 'text',
    default: 'checks.json',
    isValid: (text: string) => /^.+$/.test(text),
    expects: 'the path of a JSON file',
    meaning: 'which scheduled checks run, and how often',
  },
  telemetryDir: {
    env: 'TELEMETRY_DIR',
    kind: 'text',
    default: 'data/telemetry',
    isValid: (text: string) => text.length > 0,
    expects: 'the path of a folder',
    meaning: 'where telemetry waits that could not be sent, and where what the receiver refuses is kept',
  },
  telemetryWaitingMax: {
    env: 'TELEMETRY_WAITING_MAX',
    kind: 'integer',
    default: 3,
    min: 1,
    max: 10_000,
    unit: 'exports',
    meaning:
      'unacknowledged exports kept in memory, of each signal; then intervals merge, and spans and logs go to disk. With a disk to write to, metrics wait there',
  },
  telemetryBodyMaxBytes: {
    env: 'TELEMETRY_BODY_MAX_BYTES',
    kind: 'integer',
    default: 4_194_304,
    min: 1024,
    max: 20_971_520,
    unit: 'bytes',
    meaning: 'larger export requests are split, measured before compression; a Collector takes 20 MiB',
  },
  telemetryMetricsBodyMaxBytes: {
    env: 'TELEMETRY_METRICS_BODY_MAX_BYTES',
    kind: 'integer',
    default: 131_072,
    min: 1024,
    max: 20_971_520,
    unit: 'bytes',
    meaning:
      'the same for metrics, of which Datadog takes 500 kB; on the way there two tags are added to each point',
  },
  telemetrySpoolMaxBytes: {
    env: 'TELEMETRY_SPOOL_MAX_BYTES',
    kind: 'integer',
    default: 268_435_456,
    min: 0,
    max: 1_099_511_627_776,
    unit: 'bytes',
    meaning: 'most that waits on disk for each process; what comes beyond is dropped and counted',
  },
  telemetrySetAsideMaxBytes: {
    env: 'TELEMETRY_SET_ASIDE_MAX_BYTES',
    kind: 'integer',
    default: 67_108_864,
    min: 0,
    max: 1_099_511_627_776,
    unit: 'bytes',
    meaning: 'most that is kept of what the receiver refused; the oldest makes room and is counted',
  },
  telemetryMetricsMaxAgeSeconds: {
    env: 'TELEMETRY_METRICS_MAX_AGE_SECONDS',
    kind: 'integer',
    default: 3600,
    min: 0,
    max: 31_536_000,
    unit: 's',
    meaning:
      'metrics that waited longer are set aside, because Datadog drops them silently; 0 sends them all',
  },
  slowRequestMs: {
    env: 'SLOW_REQUEST_MS',
    kind: 'integer',
    default: 1000,
    min: 1,
    max: 600_000,
    unit: 'ms',
    meaning: 'a request that takes longer is logged as a warning',
  },
  bodyMaxBytes: {
    env: 'BODY_MAX_BYTES',
    kind: 'integer',
    default: 16_384,
    min: 1024,
    max: 1_048_576,
    unit: 'bytes',
    meaning: 'largest request body that is read',
  },
  requestTimeoutMs: {
    env: 'REQUEST_TIMEOUT_MS',
    kind: 'integer',
    default: 15_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    meaning: 'time within which a whole request must have arrived',
  },
  headersTimeoutMs: {
    env: 'HEADERS_TIMEOUT_MS',
    kind: 'integer',
    default: 10_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    meaning: "time within which a request's header fields must have arrived",
  },
  handlerTimeoutMs: {
    env: 'HANDLER_TIMEOUT_MS',
    kind: 'integer',
    default: 10_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    meaning: 'time after which a request is answered with 503',
  },
  keepAliveTimeoutMs: {
    env: 'KEEP_ALIVE_TIMEOUT_MS',
    kind: 'integer',
    default: 72_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    meaning: "time that an idle connection is kept; longer than a proxy's in front",
  },
  shutdownGraceMs: {
    env: 'SHUTDOWN_GRACE_MS',
    kind: 'integer',
    default: 9500,
    min: 100,
    max: 600_000,
    unit: 'ms',
    meaning: 'time within which a shutdown has to be complete; a third of it is for the last export',
  },
  shutdownDrainMs: {
    env: 'SHUTDOWN_DRAIN_MS',
    kind: 'integer',
    default: 250,
    min: 0,
    max: 60_000,
    unit: 'ms',
    meaning: 'time in which kept-alive connections are told to close before idle ones are cut',
  },
  eventLoopDelayMaxMs: {
    env: 'EVENT_LOOP_DELAY_MAX_MS',
    kind: 'integer',
    default: 1000,
    min: 0,
    max: 60_000,
    unit: 'ms',
    meaning: 'mean event-loop delay above which requests are answered with 503; 0 never does',
  },
  rateLimitPerMinute: {
    env: 'RATE_LIMIT_PER_MINUTE',
    kind: 'integer',
    default: 0,
    min: 0,
    max: 1_000_000,
    unit: 'requests',
    meaning: 'requests an address may make in a minute to all that has no limit of its own; 0 sets no limit',
  },
  signupLimitPerMinute: {
    env: 'SIGNUP_LIMIT_PER_MINUTE',
    kind: 'integer',
    default: 10,
    min: 1,
    max: 1_000_000,
    unit: 'requests',
    meaning: 'sign-ups an address may try in a minute',
  },
  loginLimitPerMinute: {
    env: 'LOGIN_LIMIT_PER_MINUTE',
    kind: 'integer',
    default: 20,
    min: 1,
    max: 1_000_000,
    unit: 'requests',
    meaning: 'log-ins and password changes an address may try in a minute',
  },
  accountLimitPerMinute: {
    env: 'ACCOUNT_LIMIT_PER_MINUTE',
    kind: 'integer',
    default: 5,
    min: 1,
    max: 1_000_000,
    unit: 'requests',
    meaning: 'log-ins and password changes that may be tried for one account from one address in a minute',
  },
  passwordHashesAtOnce: {
    env: 'PASSWORD_HASHES_AT_ONCE',
    kind: 'integer',
    default: 2,
    min: 1,
    max: 64,
    unit: 'hashes',
    meaning: 'password hashes computed at once, 19 MiB each; workers share them out, with one each at least',
  },
  passwordQueueMax: {
    env: 'PASSWORD_QUEUE_MAX',
    kind: 'integer',
    default: 32,
    min: 0,
    max: 10_000,
    unit: 'requests',
    meaning: 'requests that may wait to hash; one more is answered with 503',
  },
  passwordQueueMaxMs: {
    env: 'PASSWORD_QUEUE_MAX_MS',
    kind: 'integer',
    default: 2000,
    min: 1,
    max: 60_000,
    unit: 'ms',
    meaning: 'longest wait to hash; a longer one is answered with 503',
  },
  sessionMaxSeconds: {
    env: 'SESSION_MAX_SECONDS',
    kind: 'integer',
    default: 2_592_000,
    min: 1,
    max: 31_536_000,
    unit: 's',
    meaning: 'life of a session, used or not (30 days)',
  },
  sessionIdleMaxSeconds: {
    env: 'SESSION_IDLE_MAX_SECONDS',
    kind: 'integer',
    default: 604_800,
    min: 1,
    max: 31_536_000,
    unit: 's',
    meaning: 'life of a session that is not used (7 days)',
  },
  fullListingMaxRows: {
    env: 'FULL_LISTING_MAX_ROWS',
    kind: 'integer',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'rows',
    meaning: 'most rows in one reply of the full listing',
  },
  pendingRequestsMax: {
    env: 'PENDING_REQUESTS_MAX',
    kind: 'integer',
    default: 100,
    min: 1,
    max: 100_000,
    unit: 'requests',
    meaning: 'friend requests of one member that may wait for an answer',
  },
  viewerHost: {
    env: 'VIEWER_HOST',
    kind: 'text',
    default: '127.0.0.1',
    isValid: (text: string) => /^[0-9a-zA-Z.:_-]+$/.test(text),
    expects: 'an address or host name',
    meaning: 'address that the viewer listens on',
  },
  viewerPort: {
    env: 'VIEWER_PORT',
    kind: 'integer',
    default: 4318,
    min: 0,
    max: 65_535,
    unit: 'port',
    meaning: 'port that the viewer listens on; 0 takes a free one, and the address is printed',
  },
  viewerMinutes: {
    env: 'VIEWER_MINUTES',
    kind: 'integer',
    default: 60,
    min: 1,
    max: 1440,
    unit: 'minutes',
    meaning: 'how long the viewer keeps what it receives',
  },
  viewerMemoryMib: {
    env: 'VIEWER_MEMORY_MIB',
    kind: 'integer',
    default: 256,
    min: 16,
    max: 16_384,
    unit: 'MiB',
    meaning: 'what the viewer keeps at most; the oldest makes room',
  },
} as const satisfies Record<string, Setting>

type Settings = typeof SETTINGS
export type Config = {
  readonly [K in keyof Settings]: Settings[K]['kind'] extends 'integer'
    ? number
    : Settings[K] extends { choices: readonly (infer C)[] }
      ? C
      : string
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

/** Addresses and CIDR ranges with commas between; undefined for anything else. */
export function parsePeers(list: string): BlockList | undefined {
  const peers = new BlockList()
  try {
    for (const range of list.split(',')) {
      const [address, bits] = range.trim().split('/') as [string, string?]
      const family = address.includes(':') ? 'ipv6' : 'ipv4'
      if (bits === undefined) peers.addAddress(address, family)
      else if (/^\d+$/.test(bits)) peers.addSubnet(address, Number(bits), family)
      else return undefined
    }
  } catch {
    return undefined
  }
  return peers
}

/** How the time of a shutdown is shared: requests first, then the last export, and a rest to close files. */
export function shutdownBudget({ shutdownGraceMs }: Config): { requestsMs: number; telemetryMs: number } {
  return { requestsMs: Math.floor(shutdownGraceMs * 0.6), telemetryMs: Math.floor(shutdownGraceMs / 3) }
}

/** A setting that cannot be used: the message says which, what was found and what is expected. */
export class ConfigError extends Error {}

/** Reads every setting. An unset or empty variable takes its default; anything out of bounds throws {@link ConfigError}. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const entries = Object.entries(SETTINGS).map(([key, setting]) => [
    key,
    readSetting(setting, env[setting.env]),
  ])
  return Object.freeze(Object.fromEntries(entries)) as Config
}

function readSetting(setting: Setting, text: string | undefined): string | number {
  if (text === undefined || text === '') return setting.default
  const refuse = (expected: string) => new ConfigError(`${setting.env} is "${text}"; set it to ${expected}.`)
  switch (setting.kind) {
    case 'integer': {
      const value = Number(text)
      if (!/^\d+$/.test(text) || value < setting.min || value > setting.max)
        throw refuse(`a whole number from ${setting.min} to ${setting.max}`)
      return value === 0 ? (setting.zero?.() ?? 0) : value
    }
    case 'choice':
      if (!setting.choices.includes(text)) throw refuse(`one of ${setting.choices.join(', ')}`)
      return text
    case 'text':
      if (!setting.isValid(text)) throw refuse(setting.expects)
      return text
  }
}

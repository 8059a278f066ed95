import { BlockList } from 'node:net'
import { availableParallelism } from 'node:os'
import { type Allowed, matching, oneOf, wholeNumber } from './allowed.ts'

interface Setting<T> {
  /** The variable of the environment that it is read from. */
  readonly env: string
  readonly default: T
  readonly allowed: Allowed<T>
  readonly unit?: string
  readonly meaning: string
}

const MIB = 1024 * 1024
const TIB = MIB * MIB
const YEAR_SECONDS = 365 * 86_400
const ADDRESS = /^[0-9a-zA-Z.:_-]+$/

/**
 * Every setting of the service: where it is read from, its default, bounds, unit and meaning. Read once, frozen and
 * handed down; docs/settings.md is generated from here. `OTEL_*` variables are the specification's, and telemetry's.
 */
export const SETTINGS = {
  host: text('HOST', '127.0.0.1', 'an address or host name', ADDRESS).means('address to listen on'),
  port: integer('PORT', 3000, [0, 65_535], 'port').means(
    'port to listen on; 0 takes a free one, and the address is printed',
  ),
  workers: integer('WORKERS', 1, [0, 64], 'processes', () => Math.min(availableParallelism(), 64)).means(
    'processes that serve on the one port; 0 takes one for each processor. Also `npm start -- --workers N`',
  ),
  databaseUrl: text(
    'DATABASE_URL',
    'sqlite:data/rollcall.db',
    'sqlite: and the path of a file',
    /^sqlite:.+$/,
  ).means('where the data is'),
  databaseBusyTimeoutMs: integer('DATABASE_BUSY_TIMEOUT_MS', 5000, [0, 60_000], 'ms').means(
    "how long a write waits for another process's lock before it is answered with 503",
  ),
  instanceId: text('INSTANCE_ID', '', 'up to 100 letters, digits, . : _ -', /^[\w.:-]{0,100}$/).means(
    '`service.instance.id` of the telemetry; empty means `host:port`. Unique for each live service: set it where two have one port on different addresses. A worker adds `/` and its slot',
  ),
  supportTag: text(
    'SUPPORT_TAG',
    'rollcall',
    'a Datadog tag value in lower case',
    /^[a-z][\w./-]{0,99}$/,
  ).means('value of the tag `support`, which is on every metric'),
  publicOrigin: text('PUBLIC_ORIGIN', '', 'scheme and host, without a path', isOrigin).means(
    "origin that browsers see; a cookie session's changes are accepted from it where Sec-Fetch-Site is missing",
  ),
  trustProxy: text(
    'TRUST_PROXY',
    '',
    'addresses or CIDR ranges with commas between',
    (text) => parsePeers(text) !== undefined,
  ).means(
    'proxies whose X-Forwarded-* headers count, and callers whose traces are continued; empty trusts none',
  ),
  logLevel: choice('LOG_LEVEL', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).means(
    'least severe line that is logged',
  ),
  checksFile: text('CHECKS_FILE', 'checks.json', 'the path of a JSON file', /^.+$/).means(
    'which scheduled checks run, and how often',
  ),
  telemetryDir: text('TELEMETRY_DIR', 'data/telemetry', 'the path of a folder', /./s).means(
    'where telemetry waits that could not be sent, and where what the receiver refuses is kept',
  ),
  telemetryWaitingMax: integer('TELEMETRY_WAITING_MAX', 3, [1, 10_000], 'exports').means(
    'unacknowledged exports kept in memory, of each signal; then intervals merge, and spans and logs go to disk. With a disk to write to, metrics wait there',
  ),
  telemetryBodyMaxBytes: integer('TELEMETRY_BODY_MAX_BYTES', 4 * MIB, [1024, 20 * MIB], 'bytes').means(
    'larger export requests are split, measured before compression; a Collector takes 20 MiB',
  ),
  telemetryMetricsBodyMaxBytes: integer(
    'TELEMETRY_METRICS_BODY_MAX_BYTES',
    128 * 1024,
    [1024, 20 * MIB],
    'bytes',
  ).means(
    'the same for metrics, of which Datadog takes 500 kB; on the way there two tags are added to each point',
  ),
  telemetrySpoolMaxBytes: integer('TELEMETRY_SPOOL_MAX_BYTES', 256 * MIB, [0, TIB], 'bytes').means(
    'most that waits on disk for each process; what comes beyond is dropped and counted',
  ),
  telemetryDeadLettersMaxBytes: integer(
    'TELEMETRY_DEAD_LETTERS_MAX_BYTES',
    64 * MIB,
    [0, TIB],
    'bytes',
  ).means('most that is kept of what the receiver refused; the oldest makes room and is counted'),
  telemetryMetricsMaxAgeSeconds: integer(
    'TELEMETRY_METRICS_MAX_AGE_SECONDS',
    3600,
    [0, YEAR_SECONDS],
    's',
  ).means(
    'metrics that waited longer become dead letters, because Datadog drops them silently; 0 sends them all',
  ),
  slowRequestMs: integer('SLOW_REQUEST_MS', 1000, [1, 600_000], 'ms').means(
    'a request that takes longer is logged as a warning',
  ),
  bodyMaxBytes: integer('BODY_MAX_BYTES', 16_384, [1024, MIB], 'bytes').means(
    'largest request body that is read',
  ),
  requestTimeoutMs: integer('REQUEST_TIMEOUT_MS', 15_000, [100, 600_000], 'ms').means(
    'time within which a whole request must have arrived',
  ),
  headersTimeoutMs: integer('HEADERS_TIMEOUT_MS', 10_000, [100, 600_000], 'ms').means(
    "time within which a request's header fields must have arrived",
  ),
  handlerTimeoutMs: integer('HANDLER_TIMEOUT_MS', 10_000, [100, 600_000], 'ms').means(
    'time after which a request is answered with 503',
  ),
  keepAliveTimeoutMs: integer('KEEP_ALIVE_TIMEOUT_MS', 72_000, [100, 600_000], 'ms').means(
    "time that an idle connection is kept; longer than a proxy's in front",
  ),
  shutdownGraceMs: integer('SHUTDOWN_GRACE_MS', 9500, [100, 600_000], 'ms').means(
    'time within which a shutdown has to be complete; a third of it is for the last export',
  ),
  shutdownDrainMs: integer('SHUTDOWN_DRAIN_MS', 250, [0, 60_000], 'ms').means(
    'time in which kept-alive connections are told to close before idle ones are cut',
  ),
  eventLoopDelayMaxMs: integer('EVENT_LOOP_DELAY_MAX_MS', 1000, [0, 60_000], 'ms').means(
    'mean event-loop delay above which requests are answered with 503; 0 never does',
  ),
  rateLimitPerMinute: integer('RATE_LIMIT_PER_MINUTE', 0, [0, 1_000_000], 'requests').means(
    'requests an address may make in a minute to all that has no limit of its own; 0 sets no limit',
  ),
  signupLimitPerMinute: integer('SIGNUP_LIMIT_PER_MINUTE', 10, [1, 1_000_000], 'requests').means(
    'sign-ups an address may try in a minute',
  ),
  loginLimitPerMinute: integer('LOGIN_LIMIT_PER_MINUTE', 20, [1, 1_000_000], 'requests').means(
    'passwords that may be tried from one address in a minute',
  ),
  accountLimitPerMinute: integer('ACCOUNT_LIMIT_PER_MINUTE', 5, [1, 1_000_000], 'requests').means(
    'passwords that may be tried for one account from one address in a minute',
  ),
  passwordHashesAtOnce: integer('PASSWORD_HASHES_AT_ONCE', 2, [1, 64], 'hashes').means(
    'password hashes computed at once, 19 MiB each; workers share them out, with one each at least',
  ),
  passwordQueueMax: integer('PASSWORD_QUEUE_MAX', 32, [0, 10_000], 'requests').means(
    'requests that may wait to hash; one more is answered with 503',
  ),
  passwordQueueMaxMs: integer('PASSWORD_QUEUE_MAX_MS', 2000, [1, 60_000], 'ms').means(
    'longest wait to hash; a longer one is answered with 503',
  ),
  sessionMaxSeconds: integer('SESSION_MAX_SECONDS', 2_592_000, [1, YEAR_SECONDS], 's').means(
    'life of a session, used or not (30 days)',
  ),
  sessionIdleMaxSeconds: integer('SESSION_IDLE_MAX_SECONDS', 604_800, [1, YEAR_SECONDS], 's').means(
    'life of a session that is not used (7 days)',
  ),
  fullListingMaxRows: integer('FULL_LISTING_MAX_ROWS', 10_000, [1, 1_000_000], 'rows').means(
    'most rows in one reply of the full listing',
  ),
  pendingRequestsMax: integer('PENDING_REQUESTS_MAX', 100, [1, 100_000], 'requests').means(
    'friend requests of one member that may wait for an answer',
  ),
}

export type Config = {
  readonly [K in keyof typeof SETTINGS]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never
}

function integer(
  env: string,
  value: number,
  [min, max]: [min: number, max: number],
  unit: string,
  zero?: () => number,
) {
  return setting({ env, default: value, allowed: wholeNumber(min, max, zero), unit })
}

function text(env: string, value: string, expected: string, isValid: RegExp | ((text: string) => boolean)) {
  return setting({ env, default: value, allowed: matching(expected, isValid) })
}

function choice<const C extends string>(env: string, value: NoInfer<C>, choices: readonly C[]) {
  return setting<C>({ env, default: value, allowed: oneOf(choices) })
}

function setting<T>(rest: Omit<Setting<T>, 'meaning'>) {
  return { means: (meaning: string): Setting<T> => ({ ...rest, meaning }) }
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
  const entries = Object.entries<Setting<unknown>>(SETTINGS).map(([key, setting]) => [
    key,
    readSetting(setting, env[setting.env]),
  ])
  return Object.freeze(Object.fromEntries(entries)) as Config
}

function readSetting<T>(setting: Setting<T>, text: string | undefined): T {
  if (text === undefined || text === '') return setting.default
  const value = setting.allowed.parse(text)
  if (value === undefined)
    throw new ConfigError(`${setting.env} is "${text}"; set it to ${setting.allowed.expected}.`)
  return value
}

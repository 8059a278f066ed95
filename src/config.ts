import { BlockList } from 'node:net'
import { availableParallelism } from 'node:os'
import { type Allowed, matching, oneOf, wholeNumber } from './allowed.ts'

interface Setting<T> {
  /** The environment variable to read it from. */
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
 * Every setting of the service: its variable, default, bounds, unit and meaning. Read once, frozen and handed down;
 * docs/settings.md is generated from here. The `OTEL_*` variables are read by telemetry.
 */
export const SETTINGS = {
  host: text('HOST', '127.0.0.1', 'an address or host name', ADDRESS).means('address to listen on'),
  port: integer('PORT', 3000, [0, 65_535], 'port').means(
    'port to listen on; 0 takes a free one, and the address is printed',
  ),
  workers: integer('WORKERS', 1, [0, 64], 'processes', () => Math.min(availableParallelism(), 64)).means(
    'processes that serve on the port; 0 takes one for each processor. Also `npm start -- --workers N`',
  ),
  databaseUrl: text(
    'DATABASE_URL',
    'sqlite:data/rollcall.db',
    'sqlite: and the path of a file',
    /^sqlite:.+$/,
  ).means('file of the database'),
  databaseBusyTimeoutMs: integer('DATABASE_BUSY_TIMEOUT_MS', 5000, [0, 60_000], 'ms').means(
    "longest wait of a write for another process's lock; then the answer is 503",
  ),
  instanceId: text('INSTANCE_ID', '', 'up to 100 letters, digits, . : _ -', /^[\w.:-]{0,100}$/).means(
    '`service.instance.id` of the telemetry; empty means `host:port`. Unique for each live service: set it if two share a port on different addresses. A worker adds `/` and its slot',
  ),
  supportTag: text(
    'SUPPORT_TAG',
    'rollcall',
    'a Datadog tag value in lower case',
    /^[a-z][\w./-]{0,99}$/,
  ).means('value of the tag `support` on every metric'),
  publicOrigin: text('PUBLIC_ORIGIN', '', 'scheme and host, without a path', isOrigin).means(
    "origin that browsers see; a cookie session's changes are accepted from it if Sec-Fetch-Site is missing",
  ),
  corsOrigins: text(
    'CORS_ORIGINS',
    '',
    'origins, separated by commas, or *',
    (text) => parseOrigins(text) !== undefined,
  ).means('origins whose pages may use `/v1` with bearer tokens; `*` allows all, empty none'),
  viewerUrl: text('VIEWER_URL', '', 'scheme and host, without a path', isOrigin).means(
    'origin of the viewer, to which pages link for their traces; empty takes the viewer that runs beside, if there is one',
  ),
  mapTilesUrl: text('MAP_TILES_URL', '', 'an https address with {z}, {x} and {y}', isTileTemplate).means(
    'server of map tiles for the page of a place, such as `https://tile.openstreetmap.org/{z}/{x}/{y}.png`; empty shows coarse outlines of the world, which come from the service itself',
  ),
  mapTilesAttribution: text('MAP_TILES_ATTRIBUTION', '', 'up to 200 characters', /^.{0,200}$/).means(
    'attribution below the tiles, such as `© OpenStreetMap contributors`; tiles are shown only with it',
  ),
  trustProxy: text(
    'TRUST_PROXY',
    '',
    'addresses or CIDR ranges, separated by commas',
    (text) => parsePeers(text) !== undefined,
  ).means(
    'proxies whose X-Forwarded-* headers count, and callers whose traces are continued; empty trusts none',
  ),
  adminEmail: text('ADMIN_EMAIL', '', 'an e-mail address', /^[^@\s]+@[^@\s]+$/).means(
    'the account that signs up with this address becomes an administrator. Nobody checks whose address it is, so sign up before others can',
  ),
  logLevel: choice('LOG_LEVEL', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).means(
    'least severe level that is logged',
  ),
  checksFile: text('CHECKS_FILE', 'checks.json', 'the path of a JSON file', /^.+$/).means(
    'scheduled checks and their intervals',
  ),
  telemetryDir: text('TELEMETRY_DIR', 'data/telemetry', 'the path of a folder', /./s).means(
    'folder of unsent telemetry and of dead letters, which the receiver refused',
  ),
  telemetryWaitingMax: integer('TELEMETRY_WAITING_MAX', 3, [1, 10_000], 'exports').means(
    'unacknowledged exports kept in memory for each signal; beyond them, intervals merge, and spans and logs go to disk. With a writable disk, metrics wait there',
  ),
  telemetryBodyMaxBytes: integer('TELEMETRY_BODY_MAX_BYTES', 4 * MIB, [1024, 20 * MIB], 'bytes').means(
    'size before compression above which an export request is split; a Collector takes 20 MiB',
  ),
  telemetryMetricsBodyMaxBytes: integer(
    'TELEMETRY_METRICS_BODY_MAX_BYTES',
    128 * 1024,
    [1024, 20 * MIB],
    'bytes',
  ).means('the same for metrics; Datadog takes 500 kB, and two tags are added to each point on the way'),
  telemetrySpoolMaxBytes: integer('TELEMETRY_SPOOL_MAX_BYTES', 256 * MIB, [0, TIB], 'bytes').means(
    'most unsent telemetry on disk for each process; the rest is dropped and counted',
  ),
  telemetryDeadLettersMaxBytes: integer(
    'TELEMETRY_DEAD_LETTERS_MAX_BYTES',
    64 * MIB,
    [0, TIB],
    'bytes',
  ).means('most dead letters on disk; the oldest make room and are counted'),
  telemetryMetricsMaxAgeSeconds: integer(
    'TELEMETRY_METRICS_MAX_AGE_SECONDS',
    3600,
    [0, YEAR_SECONDS],
    's',
  ).means(
    'metrics that waited longer become dead letters, because Datadog drops them silently; 0 sends them all',
  ),
  slowRequestMs: integer('SLOW_REQUEST_MS', 1000, [1, 600_000], 'ms').means(
    'duration above which a request is logged as a warning',
  ),
  bodyMaxBytes: integer('BODY_MAX_BYTES', 16_384, [1024, MIB], 'bytes').means(
    'largest request body that is read',
  ),
  requestTimeoutMs: integer('REQUEST_TIMEOUT_MS', 15_000, [100, 600_000], 'ms').means(
    'time for a whole request to arrive',
  ),
  headersTimeoutMs: integer('HEADERS_TIMEOUT_MS', 10_000, [100, 600_000], 'ms').means(
    "time for a request's header fields to arrive",
  ),
  handlerTimeoutMs: integer('HANDLER_TIMEOUT_MS', 10_000, [100, 600_000], 'ms').means(
    'time for an answer; then the answer is 503',
  ),
  keepAliveTimeoutMs: integer('KEEP_ALIVE_TIMEOUT_MS', 72_000, [100, 600_000], 'ms').means(
    'life of an idle connection; longer than in a proxy in front',
  ),
  shutdownGraceMs: integer('SHUTDOWN_GRACE_MS', 9500, [100, 600_000], 'ms').means(
    'time for a whole shutdown; a third of it is for the last export',
  ),
  shutdownDrainMs: integer('SHUTDOWN_DRAIN_MS', 250, [0, 60_000], 'ms').means(
    'time in which kept-alive connections are told to close before idle ones are cut',
  ),
  eventLoopDelayMaxMs: integer('EVENT_LOOP_DELAY_MAX_MS', 1000, [0, 60_000], 'ms').means(
    'mean event-loop delay above which requests are answered with 503; 0 never does',
  ),
  rateLimitPerMinute: integer('RATE_LIMIT_PER_MINUTE', 0, [0, 1_000_000], 'requests').means(
    'requests of one address in a minute to routes without a limit of their own; 0 sets no limit',
  ),
  signupLimitPerMinute: integer('SIGNUP_LIMIT_PER_MINUTE', 10, [1, 1_000_000], 'requests').means(
    'sign-ups of one address in a minute',
  ),
  loginLimitPerMinute: integer('LOGIN_LIMIT_PER_MINUTE', 20, [1, 1_000_000], 'requests').means(
    'passwords tried from one address in a minute',
  ),
  accountLimitPerMinute: integer('ACCOUNT_LIMIT_PER_MINUTE', 5, [1, 1_000_000], 'requests').means(
    'passwords tried for one account from one address in a minute',
  ),
  passwordHashesAtOnce: integer('PASSWORD_HASHES_AT_ONCE', 2, [1, 64], 'hashes').means(
    'password hashes computed at once, 19 MiB each; workers share them, with at least one each',
  ),
  passwordQueueMax: integer('PASSWORD_QUEUE_MAX', 32, [0, 10_000], 'requests').means(
    'requests that may wait to hash; further ones are answered with 503',
  ),
  passwordQueueMaxMs: integer('PASSWORD_QUEUE_MAX_MS', 2000, [1, 60_000], 'ms').means(
    'longest wait to hash; then the answer is 503',
  ),
  sessionMaxSeconds: integer('SESSION_MAX_SECONDS', 2_592_000, [1, YEAR_SECONDS], 's').means(
    'life of a session, used or not (30 days)',
  ),
  sessionIdleMaxSeconds: integer('SESSION_IDLE_MAX_SECONDS', 604_800, [1, YEAR_SECONDS], 's').means(
    'life of an unused session (7 days)',
  ),
  fullListingMaxRows: integer('FULL_LISTING_MAX_ROWS', 10_000, [1, 1_000_000], 'rows').means(
    'most rows in one reply of the full listing',
  ),
  feedTimeoutMs: integer('FEED_TIMEOUT_MS', 5000, [100, 8000], 'ms').means(
    'time for a feed to be fetched, redirects included; less than HANDLER_TIMEOUT_MS',
  ),
  feedChangesPerMinute: integer('FEED_CHANGES_PER_MINUTE', 30, [1, 1_000_000], 'requests').means(
    'changes of the list of feeds of one member in a minute; each may make the service ask ten addresses',
  ),
  feedAddressesAllowed: text(
    'FEED_ADDRESSES_ALLOWED',
    '',
    'addresses or CIDR ranges, separated by commas',
    (text) => parsePeers(text) !== undefined,
  ).means(
    'addresses that feeds are fetched from although they are not public, at any port. Dangerous: every member can then make this service ask what listens there. Empty allows none',
  ),
  pendingRequestsMax: integer('PENDING_REQUESTS_MAX', 100, [1, 100_000], 'requests').means(
    'unanswered friend requests of one member',
  ),
  openPollsMax: integer('OPEN_POLLS_MAX', 100, [1, 1000], 'polls').means(
    'polls that are not closed, drafts included',
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
  // A URL may have a star in its host: as a pattern it would match nothing.
  return /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

/** Origins separated by commas, or `*` alone; none in an empty text, undefined for any other. */
export function parseOrigins(list: string): ReadonlySet<string> | undefined {
  if (list === '') return new Set()
  const origins = list.split(',').map((origin) => origin.trim())
  return list === '*' || origins.every(isOrigin) ? new Set(origins) : undefined
}

/** The origin goes into the content security policy, which knows host names only. */
function isTileTemplate(text: string): boolean {
  const url = URL.parse(text)
  const isPlain = url?.protocol === 'https:' && url.username === '' && /^[a-z0-9.-]+$/.test(url.hostname)
  return isPlain && ['{z}', '{x}', '{y}'].every((part) => text.slice(url.origin.length).includes(part))
}

/** Addresses and CIDR ranges, separated by commas; undefined for any other text. */
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

/**
 * Shares out the time of a shutdown: requests first, then the last export, and a rest to close files. In milliseconds.
 */
export function shutdownBudget({ shutdownGraceMs }: Config): { requestsMs: number; telemetryMs: number } {
  return { requestsMs: Math.floor(shutdownGraceMs * 0.6), telemetryMs: Math.floor(shutdownGraceMs / 3) }
}

/** A setting that cannot be used: the message names the variable, its text and the expected form. */
export class ConfigError extends Error {}

/** Reads every setting. An unset or empty variable takes its default; a value out of bounds throws {@link ConfigError}. */
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

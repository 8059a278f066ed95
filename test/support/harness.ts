import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findRequestScope } from '@rollcall/fastify-route-telemetry'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import type { DatabaseObserver } from '../../src/db/observer.ts'
import { createLogger } from '../../src/telemetry/logging.ts'
import { STATEMENTS } from '../../src/telemetry/pages.ts'
import { queryTiming } from '../../src/telemetry/query-timing.ts'
import { startTelemetry } from '../../src/telemetry/start.ts'
import { openapiContract } from './openapi-contract.ts'
import { planDefects } from './query-plans.ts'

/** Limits high enough that only the tests of the limits meet them. */
const UNLIMITED: Partial<Config> = {
  signupLimitPerMinute: 1_000_000,
  loginLimitPerMinute: 1_000_000,
  accountLimitPerMinute: 100_000,
  feedChangesPerMinute: 1_000_000,
  eventLoopDelayMaxMs: 0,
}

export interface OpenAppOptions {
  config?: Partial<Config>
  env?: NodeJS.ProcessEnv
  /** Where the log goes; nowhere unless told. */
  logTo?: { write(line: string): void }
}

/** What ends things in order: a test, or a drill. */
export interface Teardown {
  teardown(end: () => unknown): unknown
}

/** A folder of this test's own, gone after it. */
export function temporaryFolder(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * The application as `server.ts` builds it, over a migrated database file of its own, listening to nothing. Every
 * reply is held against the OpenAPI document, every statement's plan against the growing tables, and its name and page
 * against what telemetry knows.
 */
export async function openApp(t: Test, options: OpenAppOptions = {}) {
  const file = join(temporaryFolder(t), 'rollcall.db')
  const config = { ...readConfig({}), ...UNLIMITED, databaseUrl: `sqlite:${file}`, ...options.config }
  const telemetry = startTelemetry({
    env: {
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      ...options.env,
    },
    serviceVersion: '0.0.0',
    hostName: 'test',
    supportTag: 'rollcall',
    instanceId: 'test',
  })
  const statements = new Set<string>()
  const undecided = new Set<string>()
  const db = openDatabase({
    url: config.databaseUrl,
    busyTimeoutMs: config.databaseBusyTimeoutMs,
    observer: remembering(queryTiming(telemetry), statements, undecided),
  })
  await migrateToLatest(db)
  statements.clear()
  const logger = createLogger({
    level: config.logLevel,
    telemetry,
    destination: options.logTo ?? { write() {} },
  })
  const app = await buildApp({ config, db, telemetry, logger, version: '0.0.0' })
  await app.ready()
  const defects = openapiContract(app.swagger() as unknown as Record<string, unknown>)

  t.teardown(async () => {
    await app.close()
    const flaws = [...planDefects(file, statements), ...undecided]
    await db.destroy()
    await telemetry.shutdown()
    if (flaws.length > 0) throw new Error(`statements are not as they should be:\n${flaws.join('\n')}`)
  })

  /** Asks the application and holds the reply against its documentation. */
  async function ask(request: InjectOptions): Promise<LightMyRequestResponse> {
    const reply = await app.inject(request)
    const found = defects({
      method: request.method ?? 'GET',
      path: String(request.url),
      status: reply.statusCode,
      contentType: reply.headers['content-type'] as string | undefined,
      body: reply.body,
    })
    if (found.length > 0) t.fail(found.join('; '))
    return reply
  }

  return { app, db, config, telemetry, file, ask }
}

export type OpenedApp = Awaited<ReturnType<typeof openApp>>

export const PASSWORD = 'correct horse battery staple'

export interface SignedUp {
  id: number
  email: string
  token: string
  /** Asks as this member. */
  ask(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: object,
  ): Promise<LightMyRequestResponse>
}

/** Signs up and logs in through the API; each costs two password hashes. */
export async function signUp(
  { ask }: Pick<OpenedApp, 'ask'>,
  name: string,
  email = emailOf(name),
): Promise<SignedUp> {
  const credentials = { email, password: PASSWORD }
  const created = await ask({ method: 'POST', url: '/v1/users', payload: { name, ...credentials } })
  if (created.statusCode !== 201) throw new Error(`sign-up of ${name}: ${created.body}`)
  const { token } = (await ask({ method: 'POST', url: '/v1/sessions', payload: credentials })).json()
  return {
    id: created.json().id,
    email,
    token,
    ask: (method, url, payload) =>
      ask({ method, url, headers: { authorization: `Bearer ${token}` }, ...(payload && { payload }) }),
  }
}

function emailOf(name: string): string {
  return `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '.')}@example.com`
}

/** Notes each statement, and of those that requests run what src/telemetry/pages.ts does not name. */
function remembering(
  observer: DatabaseObserver,
  statements: Set<string>,
  undecided: Set<string>,
): DatabaseObserver {
  return {
    statement(description) {
      statements.add(description.sql)
      const probe = observer.statement(description)
      return (...execution) => {
        const page = findRequestScope()?.page as keyof typeof STATEMENTS | undefined
        if (page !== undefined && !STATEMENTS[page]?.includes(description.summary))
          undecided.add(`"${description.summary}" of the page ${page} is not in src/telemetry/pages.ts`)
        probe(...execution)
      }
    },
    connectionWait: (seconds) => observer.connectionWait(seconds),
  }
}

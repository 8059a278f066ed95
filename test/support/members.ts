import Sqlite from 'better-sqlite3'
import type { LightMyRequestResponse } from 'fastify'
import type { Tables } from '../../src/db/database.ts'
import { SessionStore } from '../../src/sessions/session-store.ts'
import { foldName } from '../../src/users/text.ts'
import { type OpenedApp, PASSWORD } from './harness.ts'

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

interface TestUser {
  id: number
  name: string
  email: string
}

export interface TestMember extends TestUser {
  token: string
  /** Asks as this member. */
  ask(method: Method, url: string, body?: object): Promise<LightMyRequestResponse>
}

/** Body of a request to delete the account of anybody who was added here. */
export const LEAVING = { currentPassword: PASSWORD }

/** Of {@link PASSWORD}, with the least memory that argon2 takes: 3 ms to verify. */
const CHEAP_HASH =
  '$argon2id$v=19$m=1024,p=1,t=2$bqRLaMJ2aQjDfu8zA1c57w$Ps7Bz4A7HNPdYBt0guAiW+/l4uP/KOoioQWhAUEb4P4'

let lastAddress = 0

/** Rows as sign-up makes them, without the time that it takes to hash; 0.1 ms each. */
export async function addUsers(db: OpenedApp['db'], names: readonly string[]): Promise<TestUser[]> {
  return db.transaction().execute(async (tx) => {
    const added = []
    for (const name of names) {
      const email = `member.${++lastAddress}@example.com`
      const values = {
        name,
        name_key: foldName(name),
        email,
        email_key: email,
        joined_at: Date.now(),
        seed_number: null,
      }
      const user = await tx
        .insertInto('users')
        .values(values)
        .returning(['id', 'name', 'email'])
        .executeTakeFirstOrThrow()
      await tx.insertInto('passwords').values({ user_id: user.id, hash: CHEAP_HASH }).execute()
      added.push(user)
    }
    return added
  })
}

/** Members with a session each. */
export async function addMembers(
  { db, config, ask }: Pick<OpenedApp, 'db' | 'config' | 'ask'>,
  ...names: string[]
): Promise<TestMember[]> {
  const users = await addUsers(db, names)
  const sessions = new SessionStore(db, config)
  return Promise.all(
    users.map(async (user) => {
      const { token } = await db.transaction().execute((tx) => sessions.create(tx, user.id, 'bearer'))
      const headers = { authorization: `Bearer ${token}` }
      return {
        ...user,
        token,
        ask: (method: Method, url: string, payload?: object) =>
          ask({ method, url, headers, ...(payload && { payload }) }),
      }
    }),
  )
}

/** Makes the member an administrator, or no longer one. */
export async function setAdministrator(
  { db }: Pick<OpenedApp, 'db'>,
  { id }: Pick<TestUser, 'id'>,
  is_administrator: 0 | 1 = 1,
): Promise<void> {
  await db.updateTable('users').set({ is_administrator }).where('id', '=', id).execute()
}

interface Listing<Row> {
  data: Row[]
  page: { nextCursor: string | null }
}

/** Every row of a listing, page by page, as the member sees it. */
export async function allPages<Row = { id: number; name: string }>(
  member: TestMember,
  url: string,
  limit = 200,
  betweenPages: (last: Row) => Promise<unknown> = async () => {},
): Promise<Row[]> {
  const rows: Row[] = []
  const cursors = new Set<string>()
  for (let cursor: string | null = ''; cursor !== null; ) {
    const parameters = new URLSearchParams({ limit: String(limit), ...(cursor && { cursor }) })
    const reply = await member.ask('GET', `${url}${url.includes('?') ? '&' : '?'}${parameters}`)
    if (reply.statusCode !== 200) throw new Error(`${url}: ${reply.body}`)
    const { data, page } = reply.json<Listing<Row>>()
    if (data.length > limit) throw new Error(`${url}: ${data.length} rows in a page of ${limit}`)
    if (page.nextCursor !== null && data.length !== limit)
      throw new Error(`${url}: a short page before the last`)
    rows.push(...data)
    cursor = page.nextCursor
    if (cursor !== null && cursors.has(cursor)) throw new Error(`${url}: the same cursor twice`)
    cursors.add(cursor ?? '')
    if (cursor !== null) await betweenPages(data.at(-1) as Row)
  }
  return rows
}

export const idsOf = (rows: readonly { id: number }[]) => rows.map((row) => row.id)

/** A whole table, on a connection beside the observed one: the service itself must never read one. */
export function tableOf<T extends keyof Tables>(file: string, table: T): Record<string, unknown>[] {
  const raw = new Sqlite(file, { readonly: true })
  try {
    return raw.prepare(`select * from ${table}`).all() as Record<string, unknown>[]
  } finally {
    raw.close()
  }
}

export function clearTables(
  file: string,
  ...conditions: `${keyof Tables}${'' | ` where ${string}`}`[]
): void {
  const raw = new Sqlite(file, { timeout: 5000 })
  try {
    raw.pragma('foreign_keys = on')
    for (const condition of conditions) raw.exec(`delete from ${condition}`)
  } finally {
    raw.close()
  }
}

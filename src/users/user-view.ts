import { sql } from 'kysely'
import { Type } from 'typebox'
import { timestamp } from '../http/timestamp.ts'

/** What any member may see of another: never the e-mail address. */
export const User = Type.Object(
  {
    id: Type.Integer({ minimum: 1 }),
    name: Type.String(),
    joinedAt: Type.String({ format: 'date-time' }),
  },
  { $id: 'User', additionalProperties: false },
)

/** What a member sees of themselves. */
export const Owner = Type.Object(
  { ...User.properties, email: Type.String() },
  { $id: 'Owner', additionalProperties: false },
)

/** The columns a {@link User} is made of. */
export const userColumns = ['users.id', 'users.name', 'users.joined_at'] as const

export interface UserRow {
  id: number
  name: string
  joined_at: number
}

/** The columns an {@link Owner} is made of. */
export const ownerColumns = [...userColumns, 'users.email'] as const

export interface OwnerRow extends UserRow {
  email: string
}

export function toUser(row: UserRow) {
  return { id: row.id, name: row.name, joinedAt: timestamp(row.joined_at) }
}

/**
 * The same as text, for listings: what {@link toUser} gives, made by SQLite. The table stores the first three fields
 * together, and nobody can write there. A field that came later is put behind them, with its column named as
 * {@link userColumns} name it (docs/decisions/0018):
 *
 *     sql<string>`rtrim(users.view_json, '}') || ',"bio":' || json_quote(users.bio) || '}'`
 */
export const userJson = sql<string>`users.view_json`

export function toOwner(row: OwnerRow) {
  return { ...toUser(row), email: row.email }
}

import { sql } from 'kysely'
import { Type } from 'typebox'
import { timestamp } from '../http/timestamp.ts'

/** The fields of a member that other members see: never the e-mail address. */
export const User = Type.Object(
  {
    id: Type.Integer({ minimum: 1 }),
    name: Type.String(),
    joinedAt: Type.String({ format: 'date-time' }),
  },
  { $id: 'User', additionalProperties: false },
)

/** The fields that members see of themselves. */
export const Owner = Type.Object(
  { ...User.properties, email: Type.String() },
  { $id: 'Owner', additionalProperties: false },
)

/** The columns of a {@link User}. */
export const userColumns = ['users.id', 'users.name', 'users.joined_at'] as const

export interface UserRow {
  id: number
  name: string
  joined_at: number
}

/** The columns of an {@link Owner}. */
export const ownerColumns = [...userColumns, 'users.email'] as const

export interface OwnerRow extends UserRow {
  email: string
}

/** A row as the API shows it. */
export function toUser(row: UserRow) {
  return { id: row.id, name: row.name, joinedAt: timestamp(row.joined_at) }
}

/**
 * The same as JSON text from SQLite, for listings: the text of {@link toUser}. The table stores the first three fields
 * together, and that column cannot be written. A later field is added behind them, with its column named as {@link
 * userColumns} name it (docs/decisions/0018):
 *
 *     sql<string>`rtrim(users.view_json, '}') || ',"bio":' || json_quote(users.bio) || '}'`
 */
export const userJson = sql<string>`users.view_json`

/** The same with the fields that only the member sees. */
export function toOwner(row: OwnerRow) {
  return { ...toUser(row), email: row.email }
}

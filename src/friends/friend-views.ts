import { Type } from 'typebox'
import { timestamp } from '../http/timestamp.ts'
import { toUser, User, type UserRow } from '../users/user-view.ts'

const Time = Type.String({ format: 'date-time' })

export const Friend = Type.Object(
  { ...User.properties, friendsSince: Time },
  { $id: 'Friend', additionalProperties: false },
)

export const FriendRequest = Type.Object(
  { ...User.properties, requestedAt: Time },
  { $id: 'FriendRequest', additionalProperties: false },
)

export const BlockedMember = Type.Object(
  { ...User.properties, blockedAt: Time },
  { $id: 'BlockedMember', additionalProperties: false },
)

/** The state between two members after a request or an acceptance. */
export const Friendship = Type.Object(
  {
    user: User,
    status: Type.Union([Type.Literal('pending'), Type.Literal('friends')]),
    requestedAt: Time,
    friendsSince: Type.Union([Time, Type.Null()], { description: 'null while it is pending' }),
  },
  { $id: 'Friendship', additionalProperties: false },
)

export function toFriend(row: UserRow & { friends_since: number }) {
  return { ...toUser(row), friendsSince: timestamp(row.friends_since) }
}

export function toFriendRequest(row: UserRow & { requested_at: number }) {
  return { ...toUser(row), requestedAt: timestamp(row.requested_at) }
}

export function toBlockedMember(row: UserRow & { created_at: number }) {
  return { ...toUser(row), blockedAt: timestamp(row.created_at) }
}

interface PairRow {
  status: 'pending' | 'friends'
  requested_at: number
  friends_since: number | null
}

export function toFriendship(user: UserRow, pair: PairRow) {
  return {
    user: toUser(user),
    status: pair.status,
    requestedAt: timestamp(pair.requested_at),
    friendsSince: pair.friends_since === null ? null : timestamp(pair.friends_since),
  }
}

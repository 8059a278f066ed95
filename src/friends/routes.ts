import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { problems } from '../errors.ts'
import { idCursors, Page, pageQuery, sendPage } from '../http/paging.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { MemberId, unknownMember } from '../users/member-path.ts'
import { toUser, User } from '../users/user-view.ts'
import { listBlocks, listFriends, listIncoming, listMutual, listOutgoing } from './friend-lists.ts'
import {
  BlockedMember,
  Friend,
  FriendRequest,
  Friendship,
  toBlockedMember,
  toFriend,
  toFriendRequest,
  toFriendship,
} from './friend-views.ts'
import { block, isVisible, removePair, requestOrAccept, twoMembers, unblock } from './friendships.ts'

const page = 'friends'
const byUserId = Type.Object({ userId: MemberId })

interface FriendsOptions {
  db: Database
  config: Config
}

/** Friends, requests between members, and blocks, which end and prevent both. */
export const friendRoutes: FastifyPluginAsyncTypebox<FriendsOptions> = async (app, { db, config }) => {
  app.describeTag('friends', 'Friends, requests and blocks')
  app.get(
    '/v1/me/friends',
    {
      config: { page },
      schema: {
        operationId: 'listFriends',
        summary: 'Your friends, in the order of their ids',
        tags: ['friends'],
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        response: { 200: Page(Friend), ...problems(400) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { limit = 50, cursor } = request.query
      const member = memberOf(request)
      const cursors = idCursors('friends', member.id)
      const rows = await listFriends(db, member.id, cursors.after(cursor), limit + 1)
      return sendPage(request, reply, rows, limit, cursors.at, toFriend)
    },
  )

  app.put(
    '/v1/me/friends/:userId',
    {
      config: { page },
      schema: {
        operationId: 'requestOrAcceptFriend',
        summary: 'Ask a member to be your friend, or accept their request',
        description:
          'The second request accepts: two members who ask each other are friends. Repeating it changes nothing.',
        tags: ['friends'],
        params: byUserId,
        response: { 200: Friendship, 201: Friendship, ...problems(404, 409) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { memberId, otherId } = twoMembers(memberOf(request).id, request.params.userId)
      const { created, user, pair } = await requestOrAccept(db, memberId, otherId, config.pendingRequestsMax)
      return reply.code(created ? 201 : 200).send(toFriendship(user, pair))
    },
  )

  app.delete(
    '/v1/me/friends/:userId',
    {
      config: { page },
      schema: {
        operationId: 'removeFriend',
        summary: 'End a friendship, cancel your request, or decline theirs',
        description: 'The answer is the same if there was nothing to end. Either member may ask again.',
        tags: ['friends'],
        params: byUserId,
        response: { 204: Type.Null() },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { memberId, otherId } = twoMembers(memberOf(request).id, request.params.userId)
      await removePair(db, memberId, otherId)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/v1/me/friend-requests',
    {
      config: { page },
      schema: {
        operationId: 'listFriendRequests',
        summary: 'Unanswered requests',
        tags: ['friends'],
        querystring: Type.Object(
          {
            ...pageQuery,
            direction: Type.Optional(
              Type.Union([Type.Literal('incoming'), Type.Literal('outgoing')], {
                default: 'incoming',
                description: '`incoming`: to you; `outgoing`: from you',
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Page(FriendRequest), ...problems(400) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { limit = 50, cursor, direction = 'incoming' } = request.query
      const member = memberOf(request)
      const cursors = idCursors(direction, member.id)
      const list = direction === 'incoming' ? listIncoming : listOutgoing
      const rows = await list(db, member.id, cursors.after(cursor), limit + 1)
      return sendPage(request, reply, rows, limit, cursors.at, toFriendRequest)
    },
  )

  app.get(
    '/v1/users/:id/mutual-friends',
    {
      config: { page },
      schema: {
        operationId: 'listMutualFriends',
        summary: 'Friends that you and another member share',
        tags: ['friends'],
        params: Type.Object({ id: MemberId }),
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        response: { 200: Page(User), ...problems(400, 404) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { limit = 50, cursor } = request.query
      const member = memberOf(request)
      const otherId = request.params.id
      const cursors = idCursors('mutual-friends', member.id, otherId)
      const afterId = cursors.after(cursor)
      if (!(await isVisible(db, member.id, otherId))) throw unknownMember()
      const rows = await listMutual(db, member.id, otherId, afterId, limit + 1)
      return sendPage(request, reply, rows, limit, cursors.at, toUser)
    },
  )

  app.get(
    '/v1/me/blocks',
    {
      config: { page },
      schema: {
        operationId: 'listBlocks',
        summary: 'Members you block, in the order of their ids',
        tags: ['friends'],
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        response: { 200: Page(BlockedMember), ...problems(400) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { limit = 50, cursor } = request.query
      const member = memberOf(request)
      const cursors = idCursors('blocks', member.id)
      const rows = await listBlocks(db, member.id, cursors.after(cursor), limit + 1)
      return sendPage(request, reply, rows, limit, cursors.at, toBlockedMember)
    },
  )

  app.put(
    '/v1/me/blocks/:userId',
    {
      config: { page },
      schema: {
        operationId: 'blockMember',
        summary: 'Block a member',
        description: 'Hides both members from each other, and ends any friendship or request between them.',
        tags: ['friends'],
        params: byUserId,
        response: { 200: BlockedMember, 201: BlockedMember, ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { memberId, otherId } = twoMembers(memberOf(request).id, request.params.userId)
      const { created, blocked } = await block(db, memberId, otherId)
      return reply.code(created ? 201 : 200).send(toBlockedMember(blocked))
    },
  )

  app.delete(
    '/v1/me/blocks/:userId',
    {
      config: { page },
      schema: {
        operationId: 'unblockMember',
        summary: 'Unblock a member',
        description: 'Restores nothing: a friendship has to be asked for again.',
        tags: ['friends'],
        params: byUserId,
        response: { 204: Type.Null() },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { memberId, otherId } = twoMembers(memberOf(request).id, request.params.userId)
      await unblock(db, memberId, otherId)
      return reply.code(204).send(null)
    },
  )
}

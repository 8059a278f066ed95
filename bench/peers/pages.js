// The community page (50 of all members, newest first) written for speed, without a framework for queries: one prepared
// statement, a schema for parameters and reply. And a page of 60 bytes that does nothing.
'use strict'
const { createHash } = require('node:crypto')
const Sqlite = require('better-sqlite3')

const user = {
  type: 'object',
  properties: { id: { type: 'integer' }, name: { type: 'string' }, joinedAt: { type: 'string' } },
}
const pageSchema = {
  querystring: {
    type: 'object',
    properties: {
      limit: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
      before: { type: 'integer', minimum: 1, default: Number.MAX_SAFE_INTEGER },
    },
    additionalProperties: false,
  },
  response: {
    200: {
      type: 'object',
      properties: {
        data: { type: 'array', items: user },
        page: {
          type: 'object',
          properties: { nextCursor: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
        },
      },
    },
  },
}

const toUser = ({ id, name, joined_at }) => ({ id, name, joinedAt: new Date(joined_at).toISOString() })

function toPage(rows, limit) {
  const shown = rows.slice(0, limit)
  return {
    data: shown.map(toUser),
    page: { nextCursor: rows.length > limit ? String(shown.at(-1).id) : null },
  }
}

function openDatabase() {
  const db = new Sqlite(process.env.BENCH_DATABASE)
  db.pragma('journal_mode = wal')
  return db
}

function trivialRoutes(app) {
  app.get('/trivial', { schema: { response: { 200: greeting } } }, async () => ({
    hello: 'world',
    text: 'thirty-two characters of payload',
  }))
}
const greeting = {
  type: 'object',
  properties: { hello: { type: 'string' }, text: { type: 'string' } },
}

function rawRoutes(app) {
  const db = openDatabase()
  const newest = db.prepare('select id, name, joined_at from users where id < ? order by id desc limit ?')
  app.get('/community', { schema: pageSchema }, async (request) => {
    const { limit, before } = request.query
    return toPage(newest.all(before, limit + 1), limit)
  })
  sameJobRoute(app, db)
  trivialRoutes(app)
}

/** The same work as Rollcall's page: the member behind a session's token, and members hidden by a block. */
function sameJobRoute(app, db) {
  const session = db.prepare(
    `select sessions.id, kind, created_at, last_used_at, expires_at, users.id as user_id, name, email, joined_at
     from sessions join users on users.id = sessions.user_id where token_hash = ?`,
  )
  const visible = db.prepare(
    `select id, name, joined_at from users where id < ?
     and id not in (select blocked_id from blocks where blocker_id = ?
                    union all select blocker_id from blocks where blocked_id = ?)
     order by id desc limit ?`,
  )
  app.get('/members', { schema: pageSchema }, async (request, reply) => {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
    const member = session.get(createHash('sha256').update(token).digest())
    if (member === undefined || member.expires_at <= Date.now()) return reply.code(401).send()
    const { limit, before } = request.query
    return toPage(visible.all(before, member.user_id, member.user_id, limit + 1), limit)
  })
}

module.exports = { openDatabase, pageSchema, rawRoutes, toPage }

// The same pages through Kysely with its own SQLite dialect; the query is built for each request.
'use strict'
const { Kysely, SqliteDialect } = require('kysely')
const { openDatabase, pageSchema, toPage } = require('./pages.js')
const { serve } = require('./serve.js')

const db = new Kysely({ dialect: new SqliteDialect({ database: openDatabase() }) })

serve((app) => {
  app.get('/community', { schema: pageSchema }, async (request) => {
    const { limit, before } = request.query
    const rows = await db
      .selectFrom('users')
      .select(['id', 'name', 'joined_at'])
      .where('id', '<', before)
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute()
    return toPage(rows, limit)
  })
})

import Fastify from 'fastify'
import { test } from 'tap'
import { buildLateSerializer, late } from '../../src/http/late-compilation.ts'

test('a late function is made at its first call, once; where it cannot be made, the next call tries again', async (t) => {
  let made = 0
  const double = late(() => {
    made += 1
    if (made === 1) throw new Error('not yet')
    return (value: number) => value * 2
  })
  t.equal(made, 0)
  t.throws(() => double(1), /not yet/)
  t.equal(double(2), 4)
  t.equal(double(3), 6)
  t.equal(made, 2)
})

test('a reply has the shape of its schema, shared ones included, and a schema that is none fails the reply', async (t) => {
  const app = Fastify({ schemaController: { compilersFactory: { buildSerializer: buildLateSerializer } } })
  t.teardown(() => app.close())
  app.addSchema({ $id: 'Name', type: 'string' })
  const properties = { name: { $ref: 'Name#' } }
  const body = { name: 'Ada', secret: 1 }
  app.get('/good', { schema: { response: { 200: { type: 'object', properties } } } }, async () => body)
  app.get('/bad', { schema: { response: { 200: { $ref: 'Nothing#' } } } }, async () => body)
  t.same((await app.inject('/good')).json(), { name: 'Ada' })
  t.same((await app.inject('/good')).json(), { name: 'Ada' })
  t.equal((await app.inject('/bad')).statusCode, 500)
})

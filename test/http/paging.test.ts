import { test } from 'tap'
import { Cursors } from '../../src/http/paging.ts'

test('a cursor comes back as the key it was made of', (t) => {
  const cursors = new Cursors(['community', 'name', 'é'], ['string', 'number'])
  t.strictSame(cursors.decode(cursors.encode(['éva "x"', 7])), ['éva "x"', 7])
  t.equal(cursors.decode(undefined), undefined)
  t.end()
})

test('a cursor of another listing, or none at all, is refused', (t) => {
  const cursors = new Cursors(['community', 'joined', 1], ['number'])
  const cursor = cursors.encode([7])
  const forge = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const own = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  const refused = [
    new Cursors(['community', 'joined', 2], ['number']).encode([7]),
    new Cursors(['community', 'joined', 1], ['string', 'number']).encode(['x', 7]),
    cursor.slice(0, -3),
    `${cursor}AAAA`,
    '!',
    'bnVsbA',
    forge(null),
    forge({}),
    forge([]),
    forge([own[0], own[1], '7']),
    forge([own[0], own[1], 1.5]),
    forge([own[0], own[1]]),
    forge([2, own[1], 7]),
    forge([own[0], own[1], 7, 7]),
  ]
  for (const text of refused)
    t.throws(() => cursors.decode(text), { code: 'invalid-cursor', statusCode: 400 }, text)
  t.end()
})

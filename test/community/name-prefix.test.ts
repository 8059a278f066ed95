import fc from 'fast-check'
import { test } from 'tap'
import { endOfPrefix } from '../../src/community/name-prefix.ts'

/** As the database compares: by the bytes of UTF-8. */
const isBefore = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0

test('a text is in the range of a prefix exactly when it starts with it', (t) => {
  // Few code points, among them the neighbours of the surrogates, so that prefixes are met by chance.
  const character = fc.constantFrom(
    'a',
    'b',
    '%',
    '_',
    'é',
    '\uD7FE',
    '\uD7FF',
    '\uE000',
    '\uFFFF',
    '😀',
    '\u{10FFFE}',
  )
  const text = fc.string({ unit: character, maxLength: 4 })
  fc.assert(
    fc.property(text, text, (prefix, name) => {
      const inRange = !isBefore(name, prefix) && isBefore(name, endOfPrefix(prefix))
      return inRange === name.startsWith(prefix)
    }),
    { numRuns: 20_000 },
  )
  t.end()
})

test('the range of no prefix holds every name', (t) => {
  t.ok(isBefore('\u{10FFFE}'.repeat(80), endOfPrefix('')))
  t.end()
})

test('a prefix of last code points ends where the text before it ends', (t) => {
  t.equal(endOfPrefix('a\u{10FFFF}\u{10FFFF}'), 'b')
  t.equal(endOfPrefix('\u{10FFFF}'), endOfPrefix(''))
  t.end()
})

import fc from 'fast-check'
import { test } from 'tap'
import { Problem } from '../../src/errors.ts'
import { parseStrictJson } from '../../src/http/strict-json.ts'

const bytes = (text: string) => Buffer.from(text)
const refusal = (body: Buffer): unknown => {
  try {
    return parseStrictJson(body)
  } catch (error) {
    return error instanceof Problem ? `${error.statusCode} ${error.message}` : error
  }
}

test('whatever JSON.stringify writes is read back', (t) => {
  const value = fc
    .jsonValue({ maxDepth: 8 })
    .filter((json) => !/"(__proto__|constructor|prototype)":/.test(JSON.stringify(json)))
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1, 2), (json, indent) => {
      t.strictSame(
        parseStrictJson(bytes(JSON.stringify(json, null, indent))),
        JSON.parse(JSON.stringify(json)),
      )
    }),
    { numRuns: 300 },
  )
  t.end()
})

test('a key that is there twice is refused wherever it stands', (t) => {
  const twice = '400 An object has the same key twice.'
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '[{"b":{"c":1,"c":1}}]',
    '{"a":{"x":1},"a":{"x":1}}',
    '{"":1, "" :2}',
  ])
    t.equal(refusal(bytes(text)), twice, text)
  t.strictSame(parseStrictJson(bytes('{"a":{"a":"a\\":"},"b":["a","a","{\\"a\\":1}"]}')), {
    a: { a: 'a":' },
    b: ['a', 'a', '{"a":1}'],
  })
  t.end()
})

test('prototype keys, deep nesting, invalid UTF-8 and emptiness are refused', (t) => {
  for (const key of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__'])
    t.match(refusal(bytes(`{"a":[{"${key}":1}]}`)), /^400 The key ".+" is not allowed\.$/, key)
  t.match(refusal(bytes('['.repeat(33) + ']'.repeat(33))), /^400 The body is nested deeper/)
  t.strictSame(
    parseStrictJson(bytes('['.repeat(32) + ']'.repeat(32))),
    JSON.parse('['.repeat(32) + ']'.repeat(32)),
  )
  t.match(refusal(bytes('['.repeat(8000))), /^400 The body is nested deeper/)
  t.equal(refusal(Buffer.from([0x22, 0xc3, 0x28, 0x22])), '400 The body is not valid UTF-8.')
  t.equal(
    refusal(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])),
    '400 The body is not valid UTF-8.',
    'a surrogate as bytes',
  )
  t.match(refusal(bytes(' \n ')), /^400 The body is empty/)
  for (const text of ['{', '{"a":}', "{'a':1}", '{"a":1,}', 'NaN', '{"a":"\u0001"}', '"', '{"a"'])
    t.equal(refusal(bytes(text)), '400 The body is not well-formed JSON.', text)
  t.end()
})

test('a string that never ends is read once, however many quotes it has', (t) => {
  // Tried again from each quote, this would take hours: the test would time out.
  t.match(refusal(bytes(`{"${'\\"'.repeat(500_000)}`)), /^400 The body is not well-formed JSON/)
  t.end()
})

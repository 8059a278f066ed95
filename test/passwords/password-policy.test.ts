import { test } from 'tap'
import { parsePassword } from '../../src/passwords/password-policy.ts'

const accepts = (text: string) => parsePassword(text, ['Ada Lovelace', 'ada', 'example.com', 'rollcall']).ok

test('a password has 15 to 128 code points after normalisation', (t) => {
  t.notOk(accepts('k7#mQ2!xV9$pLw'), '14')
  t.ok(accepts('k7#mQ2!xV9$pLwz'), '15')
  t.notOk(accepts('e\u0301u\u0301i\u0301o\u0301a\u0301y\u0301c\u0327'), '14 letters once composed or fewer')
  t.ok(accepts([...'🙂🙃😉😊😇🥰😍🤩😘😗☺😚😙🥲😋'].join('')), '15 astral characters')
  t.ok(accepts('correct horse battery staple '.repeat(4).slice(0, 128)))
  t.notOk(accepts('correct horse battery staple '.repeat(5).slice(0, 129)))
  t.end()
})

test('what is guessed first is refused', (t) => {
  for (const text of [
    'aaaaaaaaaaaaaaaa',
    'abcabcabcabcabcabc',
    'abcdefghijklmnop',
    'ponmlkjihgfedcba',
    'qwertyuiopasdfghjk',
    '01234567890123456',
    'Ada Lovelace Rollcall',
    'rollcallrollcall1',
    'ada@example.com!!!',
    'tab\tseparated words here',
    'half \uD800 a surrogate pair',
  ])
    t.notOk(accepts(text), JSON.stringify(text))
  t.end()
})

test('a password comes out in NFC', (t) => {
  const parsed = parsePassword('cafe\u0301 au lait, s’il vous plait', [])
  t.ok(parsed.ok && parsed.value === 'café au lait, s’il vous plait')
  t.end()
})

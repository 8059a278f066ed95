import { test } from 'tap'
import { emailKeyOf, foldName, parseEmail, parseName, parseText } from '../../src/users/text.ts'

const keyOf = (text: string) => {
  const parsed = parseEmail(text)
  return parsed.ok ? parsed.value.emailKey : undefined
}

test('an address has one key whatever its letter case and Unicode form', (t) => {
  const spellings = ['josé', 'JOSÉ', 'jose\u0301', 'JOSE\u0301', '\uFF4Aosé'].map(
    (local) => `${local}@Example.COM`,
  )
  const keys = new Set(spellings.map(keyOf))
  t.strictSame([...keys], ['josé@example.com'])
  t.equal(keyOf('straße@example.com'), keyOf('STRASSE@example.com'))
  t.equal(keyOf('ΟΔΟΣ@example.com'), keyOf(`${'οδός'.normalize('NFD').replace(/\u0301/g, '')}@example.com`))
  t.end()
})

test('a domain has one key in Unicode and in ASCII', (t) => {
  t.equal(keyOf('ada@bücher.example.org'), 'ada@xn--bcher-kva.example.org')
  t.equal(keyOf('ada@XN--BCHER-KVA.example.org'), 'ada@xn--bcher-kva.example.org')
  t.end()
})

test('text that is no address is refused', (t) => {
  const refused = [
    '',
    '@',
    'ada',
    'ada@',
    '@example.com',
    'ada@@example.com',
    'ada@example',
    'a b@example.com',
    'ada@exa mple.com',
    'ada@-example.com',
    'ada@example..com',
    '.ada@example.com',
    'ada.@example.com',
    'ada\u0000@example.com',
    'ada@127.0.0.1',
    'ada\u202E@example.com',
    'аda@example.com',
    'ada\uD800@example.com',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a.'.repeat(126)}com`,
    'ada\u{E0041}@example.com',
    'ada@example.com\n',
    '"ada"@example.com',
  ]
  for (const text of refused) t.notOk(parseEmail(text).ok, JSON.stringify(text))
  t.end()
})

test('addresses of the reserved domain cannot sign up, and are found at log-in', (t) => {
  t.notOk(parseEmail('demo@seed.rollcall.example').ok)
  t.notOk(parseEmail('demo@SEED.Rollcall.EXAMPLE').ok)
  t.equal(emailKeyOf('Demo@seed.rollcall.example'), 'demo@seed.rollcall.example')
  t.equal(emailKeyOf('nobody'), undefined)
  t.end()
})

test('names of any script are kept as they are, in NFC', (t) => {
  for (const name of [
    'Ada',
    'Иван Петров',
    'محمد علي',
    'יוסי כהן',
    '李小龍',
    'Zoe\u0301',
    'Ada 👩‍👩‍👧',
    'O’Neill',
    '𝒜𝒹𝒶',
    'نام\u200Cها',
  ]) {
    const parsed = parseName(name)
    t.ok(parsed.ok, name)
    if (parsed.ok) t.equal(parsed.value.name, name.normalize('NFC'))
  }
  t.ok(parseName('👍'.repeat(80)).ok, 'counts code points')
  t.end()
})

test('names that a reader cannot see or would misread are refused', (t) => {
  const refused = [
    '',
    ' ',
    ' Ada',
    'Ada ',
    'Ada  B',
    'Ada\u0000',
    'Ada\nB',
    'Ada\u202EbdA',
    'Ada\u2066x',
    'A\u200Bda',
    'Ada\uD83D',
    '\uE000',
    'Ada\u00A0B',
    'Аda',
    'Adа Lovelace',
    'pαypal',
    'a\u0301\u0301\u0301\u0301\u0301',
    '...',
    'x'.repeat(81),
    '\u{E0041}',
    '\u0378',
    '\u200D',
    '\u2800',
    '\u3164',
    '\u115F',
    '\uFFA0',
    'A\u200D\u200C',
    'A\u034F',
    'A\u17B4',
    'A\uFE0F',
  ]
  for (const name of refused) t.notOk(parseName(name).ok, JSON.stringify(name))
  t.end()
})

test('a name folds for search and sorting', (t) => {
  t.equal(foldName('  ÉMILE   Zola'), 'émile zola')
  t.equal(foldName('Straße'), foldName('STRASSE'))
  t.end()
})

test('a text keeps its words and lines, in one form', (t) => {
  const kept: [text: string, value: string][] = [
    ['Tea or coffee?', 'Tea or coffee?'],
    ['  Zoe\u0301 \n', 'Zoé'],
    ['Une question\u00a0?', 'Une question\u00a0?'],
    ['μTorrent или Torrentовый', 'μTorrent или Torrentовый'],
    ['👩‍👩‍👧', '👩‍👩‍👧'],
    ['<script>alert(1)</script>', '<script>alert(1)</script>'],
    ['😀'.repeat(10), '😀'.repeat(10)],
  ]
  for (const [text, value] of kept)
    t.strictSame(parseText(text, { maxCodePoints: 40 }), { ok: true, value }, text)
  t.strictSame(parseText('one\r\ntwo\rthree\n\nfour', { maxCodePoints: 40, multiline: true }), {
    ok: true,
    value: 'one\ntwo\nthree\n\nfour',
  })
  t.end()
})

/** A line separator would end the line of the report. */
const printable = (text: string) =>
  JSON.stringify(text).replaceAll(/[^ -~]/g, (unit) => `U+${unit.charCodeAt(0)}`)

test('a text that cannot be read as it is stored is refused', (t) => {
  const refused = [
    '',
    ' \n ',
    '?!',
    '😀'.repeat(11),
    'one\ntwo',
    'a\u0000b',
    'a\tb',
    'a\u2028b',
    'a\u202Eb',
    'a\u2067b',
    'a\u200Bb',
    'a\uD800b',
    'a\u{E0041}b',
    'a\u{F0000}b',
    'a\u{2800}b',
    `Z${'\u0351'.repeat(8)}`,
  ]
  for (const text of refused) t.notOk(parseText(text, { maxCodePoints: 10 }).ok, printable(text))
  for (const text of ['a\u0000b', 'a\tb', 'a\u2028b', 'a\u0085b', '\n\n'])
    t.notOk(parseText(text, { maxCodePoints: 10, multiline: true }).ok, printable(text))
  t.end()
})

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'tap'
import { parsePassword } from '../../src/passwords/password-policy.ts'

const ADA = { name: 'Ada Lovelace', email: 'ada.lovelace@Example.com' }

const accepts = async (text: string) => (await parsePassword(text, ADA)).ok

test('a password has 15 to 128 code points after normalisation', async (t) => {
  t.notOk(await accepts('k7#mQ2!xV9$pLw'), '14')
  t.ok(await accepts('k7#mQ2!xV9$pLwz'), '15')
  t.notOk(
    await accepts('e\u0301u\u0301i\u0301o\u0301a\u0301y\u0301c\u0327'),
    '14 letters once composed or fewer',
  )
  t.ok(await accepts([...'🙂🙃😉😊😇🥰😍🤩😘😗☺😚😙🥲😋'].join('')), '15 astral characters')
  t.ok(await accepts('correct horse battery staple '.repeat(4).slice(0, 128)))
  t.notOk(await accepts('correct horse battery staple '.repeat(5).slice(0, 129)))
})

test('text that is no text is refused', async (t) => {
  for (const text of ['tab\tseparated words here', 'half \uD800 a surrogate pair'])
    t.notOk(await accepts(text), JSON.stringify(text))
})

test('passwords that many people have are refused, with what to take instead', async (t) => {
  for (const text of [
    // These four were taken while only repeats of up to five characters and runs of keys were refused.
    'passwordpassword',
    'iloveyouiloveyou',
    'letmeinletmeinletmein',
    'password12345678',
    'aaaaaaaaaaaaaaaa',
    'abcabcabcabcabcabc',
    'abcdefghijklmnop',
    'ponmlkjihgfedcba',
    'qwertyuiopasdfghjk',
    'qwertzuiopasdfgh',
    '01234567890123456',
    'P@ssw0rd!P@ssw0rd!',
    'PASSWORDPASSWORD',
    '\uFF50\uFF41\uFF53\uFF53\uFF57\uFF4F\uFF52\uFF44'.repeat(2),
    'drowssapdrowssap',
    'administrator2026',
    'thisismypassword',
    'password '.repeat(14),
    '\u{1F642}'.repeat(128),
  ])
    t.strictSame(
      await parsePassword(text),
      {
        ok: false,
        detail:
          'must not be easily guessed: take four or more words that do not belong together, none of them your name or address',
      },
      text,
    )
})

test('passwords that are expected of their owner are refused', async (t) => {
  for (const text of [
    'Ada Lovelace 12!',
    'Ada Lovelace Rollcall',
    'AdaLovelace1815',
    '4d4_l0v3l4c3_12',
    'ecalevol ada ecalevol',
    'ada.lovelace@example.com',
    'ada.lovelace@example.com!!!',
    'example.com.example.com',
    'rollcallrollcall1',
  ])
    t.notOk(await accepts(text), text)
  t.ok((await parsePassword('Ada Lovelace sings 12')).ok, 'somebody else’s name is a word like others')
})

test('passphrases and random passwords are taken', async (t) => {
  for (const text of [
    'correct horse battery staple',
    'staple battery horse correct',
    'staple battery horse',
    'another long enough password',
    'correcthorsebatterystaple',
    'four sheep mend a lighthouse',
    'бабушка рядом с телевизором',
    '正確な馬のバッテリーの主食は何ですか',
    '5f0c1a9e7b3d2f8e6a4c0b1d9e7f3a',
    'T9w.qPz_4hVx-Lm2Rk8',
    '493827105938271',
    // What object literals inherit is in no dictionary.
    'constructor of __proto__ bridges',
  ])
    t.ok(await accepts(text), text)
})

test('a password comes out in NFC', async (t) => {
  const parsed = await parsePassword('cafe\u0301 au lait, s’il vous plait')
  t.ok(parsed.ok && parsed.value === 'café au lait, s’il vous plait')
})

test('the dictionaries are loaded for the first new password, and not with the service', (t) => {
  const script = `
    import { createRequire } from 'node:module'
    const { cache } = createRequire(import.meta.url)
    const loaded = () => Object.keys(cache).some((file) => file.includes('zxcvbn-ts'))
    const { parsePassword } = await import('./src/passwords/password-policy.ts')
    await import('./src/app.ts')
    const before = loaded()
    await parsePassword('correct horse battery staple')
    process.stdout.write(JSON.stringify([before, loaded()]))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '..', '..'),
    encoding: 'utf8',
  })
  t.equal(stdout, '[false,true]')
  t.end()
})

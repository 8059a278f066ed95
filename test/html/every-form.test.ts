import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { browse, browseAs } from '../support/browse.ts'
import { type OpenedApp, openApp } from '../support/harness.ts'
import { setAdministrator } from '../support/members.ts'

const FORM = 'application/x-www-form-urlencoded'

/** Bodies that no form of ours sends, with the content type that they come with. */
const WRONG_BODIES: Record<string, [body: string | Buffer, type?: string]> = {
  'an unknown field': ['surprise=1'],
  'a field twice': ['surprise=1&surprise=2'],
  'the key __proto__': ['__proto__=1&__proto__[a]=1'],
  'the key constructor': ['constructor=1&toString=2'],
  'NUL in a key and a value': ['a%00b=%00'],
  'percent signs that encode nothing': ['%=%&%zz=%zz&%E0%A4=%A'],
  'bytes that are no UTF-8': [Buffer.from([0xff, 0xfe, 0x3d, 0xc0, 0x80])],
  'separators alone': ['&&&===&'],
  'too many fields': [Array.from({ length: 1000 }, (_, index) => `a${index}=1`).join('&')],
  'too much': [`a=${'x'.repeat(1_000_000)}`],
  JSON: ['{"name":"Ada"}', 'application/json'],
  'JSON that is none': ['{', 'application/json'],
  'plain text': ['name=Ada', 'text/plain'],
  'several parts': ['--x\r\n\r\n--x--', 'multipart/form-data; boundary=x'],
  'another character set': ['name=Ada', `${FORM}; charset=utf-16`],
  'a content type that is none': ['name=Ada', 'x'],
}

/** Values that no field takes, as a form sends them. */
const WRONG_VALUES: Record<string, string> = {
  NUL: 'a%00b',
  'half a surrogate pair': '%ED%A0%80',
  'bytes that are no UTF-8': '%ff%c0%80%',
  'too long': 'x'.repeat(9000),
  'a direction override': 'a%E2%80%AEb',
  'line breaks': 'a%0D%0ASet-Cookie:%20a=b',
  'an object': '%5Bobject%20Object%5D',
  'a number beyond all': '9'.repeat(400),
  'a time that is none': '2026-13-99T99:99',
}

/** Every form's address, with ids of nothing and of the first row. */
function formsOf({ app }: OpenedApp): string[] {
  const posts = app.routeShapes().filter(({ method, url }) => method === 'POST' && url.startsWith('/app/'))
  return posts.flatMap(({ url }) =>
    url.includes(':') ? ['1', '999'].map((id) => url.replaceAll(/:\w+/g, id)) : [url],
  )
}

/** Every row of every table. */
function contentOf(file: string): string {
  const raw = new Sqlite(file, { readonly: true })
  try {
    const tables = raw.prepare("select name from sqlite_schema where type = 'table'").pluck().all()
    return JSON.stringify(tables.map((name) => [name, raw.prepare(`select * from "${name}"`).all()]))
  } finally {
    raw.close()
  }
}

/** Names of the fields of the form that posts to this address. */
function fieldsOf(body: string, path: string): string[] {
  const form = body
    .split('<form ')
    .find((each) => each.includes('method="post"') && /action="([^"?]*)/.exec(each)?.[1] === path)
  const names = (form?.split('</form>')[0] ?? '').matchAll(
    /<(?:input|textarea|select)\b[^>]* name="([^"]+)"/g,
  )
  return [...new Set([...names].map(([, name = '']) => name))]
}

async function open(t: Test) {
  const opened = await openApp(t)
  const first = await browseAs(opened, 'First')
  const forms = formsOf(opened)
  t.ok(forms.length > 15)
  return { opened, first, forms }
}

t.test('no body breaks a form', async (t) => {
  const { opened, forms } = await open(t)
  let fields = 0
  for (const path of forms) {
    const member = await browseAs(opened, 'Member')
    await setAdministrator(opened, member)
    const sent = async (what: string, body: string | Buffer, type = FORM) => {
      const reply = await member.sendBody(path, body, { 'content-type': type })
      t.ok(reply.statusCode < 500, `${path}, ${what}: ${reply.statusCode}`)
      if (reply.statusCode !== 303) t.match(reply.headers['content-type'], 'text/html', `${path}, ${what}`)
      t.notMatch(reply.body, /SQLITE|node_modules|\bat \w+ \(/, `${path}, ${what}`)
      return reply
    }
    for (const [what, [body, type]] of Object.entries(WRONG_BODIES)) {
      const { statusCode } = await sent(what, body, type)
      t.ok(statusCode >= 400, `${path}, ${what}: ${statusCode}`)
    }
    // A form that is refused is shown again, so an empty one tells the names of its fields.
    const names = fieldsOf((await sent('nothing', '')).body, path)
    fields += names.length
    for (const hostile of names) {
      const others = names.filter((name) => name !== hostile).map((name) => `${name}=1`)
      for (const [what, value] of Object.entries(WRONG_VALUES))
        await sent(`${hostile}: ${what}`, [...others, `${hostile}=${value}`].join('&'))
      await sent(`${hostile} twice`, [...others, `${hostile}=1`, `${hostile}=2`].join('&'))
      await sent(`no ${hostile}`, others.join('&'))
    }
  }
  t.ok(fields > 8, `${fields} fields were tried`)
})

t.test('without a session a form changes nothing', async (t) => {
  const { opened, forms } = await open(t)
  const before = contentOf(opened.file)
  for (const path of forms)
    for (const [what, [body, type = FORM]] of Object.entries({
      ...WRONG_BODIES,
      nothing: [''] as [string],
    })) {
      const stranger = browse(opened.app)
      const reply = await stranger.sendBody(path, body, { 'content-type': type })
      t.ok([303, 400, 413, 415, 422].includes(reply.statusCode), `${path}, ${what}: ${reply.statusCode}`)
      if (reply.statusCode === 303) t.equal(reply.headers.location, '/app/log-in', `${path}, ${what}`)
    }
  t.equal(contentOf(opened.file), before)
})

t.test('a form that another site sends changes nothing', async (t) => {
  const { opened, first, forms } = await open(t)
  await setAdministrator(opened, first)
  const before = contentOf(opened.file)
  const elsewhere: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': '' },
  ]
  for (const path of forms)
    for (const headers of elsewhere)
      for (const body of [
        '',
        'name=Eve&email=eve%40example.com&password=correct%20horse%20battery%20staple',
      ]) {
        const reply = await first.sendBody(path, body, { 'content-type': FORM, ...headers })
        t.equal(reply.statusCode, 403, `${path} ${JSON.stringify(headers)}`)
      }
  t.equal(contentOf(opened.file), before)
})

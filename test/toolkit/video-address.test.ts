import { test } from 'tap'
import { embedAddress, parseVideoAddress } from '../../src/toolkit/videos/video-address.ts'

const ID = 'dQw4w9WgXcQ'
const WATCH = `https://www.youtube.com/watch?v=${ID}`
const HASH = 'd9e6f1a2b3'

/** What a person may paste, and the address that is kept. */
const TAKEN: Record<string, string> = {
  [`https://www.youtube.com/watch?v=${ID}`]: WATCH,
  [`https://youtube.com/watch?v=${ID}&t=42s&list=PL1234`]: WATCH,
  [`https://www.youtube.com/watch?list=PL1234&v=${ID}#t=1`]: WATCH,
  [`https://m.youtube.com/watch?v=${ID}&feature=share`]: WATCH,
  [`https://music.youtube.com/watch?v=${ID}`]: WATCH,
  [`HTTPS://WWW.YouTube.COM/watch?v=${ID}`]: WATCH,
  [`https://youtu.be/${ID}`]: WATCH,
  [`https://youtu.be/${ID}?si=abc&t=3`]: WATCH,
  [`https://www.youtube.com/shorts/${ID}?feature=share`]: WATCH,
  [`https://www.youtube.com/embed/${ID}?rel=0`]: WATCH,
  [`https://www.youtube.com/live/${ID}`]: WATCH,
  [`https://www.youtube.com/v/${ID}`]: WATCH,
  [`https://www.youtube-nocookie.com/embed/${ID}`]: WATCH,
  'https://vimeo.com/76979871': 'https://vimeo.com/76979871',
  'https://www.vimeo.com/76979871/?share=copy': 'https://vimeo.com/76979871',
  [`https://vimeo.com/76979871/${HASH}`]: `https://vimeo.com/76979871/${HASH}`,
  [`https://vimeo.com/76979871?h=${HASH}`]: `https://vimeo.com/76979871/${HASH}`,
  [`https://player.vimeo.com/video/76979871?h=${HASH}&badge=0`]: `https://vimeo.com/76979871/${HASH}`,
  'https://vimeo.com/channels/staffpicks/76979871': 'https://vimeo.com/76979871',
  'https://vimeo.com/groups/a-b/videos/76979871': 'https://vimeo.com/76979871',
  'https://vimeo.com/showcase/123/video/76979871': 'https://vimeo.com/76979871',
  'https://media.example/a.mp4': 'https://media.example/a.mp4',
  'https://media.example/a/B.WebM?key=1#t=10': 'https://media.example/a/B.WebM?key=1',
  'https://media.example/a%20b.ogv': 'https://media.example/a%20b.ogv',
  'https://bücher.example/film.mp4': 'https://xn--bcher-kva.example/film.mp4',
}

const REFUSED: Record<string, string> = {
  empty: '',
  'no address': 'a video of cats',
  http: `http://www.youtube.com/watch?v=${ID}`,
  ftp: 'ftp://media.example/a.mp4',
  'a script': 'javascript:alert(1)//a.mp4',
  'a script with a host': 'javascript://www.youtube.com/%0aalert(1)//a.mp4',
  data: 'data:video/mp4;base64,AAAA.mp4',
  blob: 'blob:https://media.example/a.mp4',
  file: 'file:///etc/passwd.mp4',
  'a relative address': '//media.example/a.mp4',
  'a user name': `https://www.youtube.com@evil.example/watch?v=${ID}`,
  'a user name and a password': 'https://ada:secret@media.example/a.mp4',
  'a password alone': 'https://:secret@media.example/a.mp4',
  'a port': `https://www.youtube.com:8443/watch?v=${ID}`,
  'a port of a file': 'https://media.example:8443/a.mp4',
  'a longer host': `https://youtube.com.evil.example/watch?v=${ID}`,
  'a host that ends alike': `https://evilyoutube.com/watch?v=${ID}`,
  'a host in another alphabet': `https://уoutube.com/watch?v=${ID}`,
  'a host with a dot at its end': `https://www.youtube.com./watch?v=${ID}`,
  'a host that ends like vimeo.com': 'https://notvimeo.com/76979871',
  'a longer host than vimeo.com': 'https://vimeo.com.evil.example/76979871',
  'a backslash before the real host': `https://evil.example\\@www.youtube.com/watch?v=${ID}`,
  'an IPv4 address': 'https://127.0.0.1/a.mp4',
  'an IPv4 address in decimal': 'https://2130706433/a.mp4',
  'an IPv4 address in hexadecimal': 'https://0x7f.1/a.mp4',
  'an IPv6 address': 'https://[::1]/a.mp4',
  'a host without a domain': 'https://localhost/a.mp4',
  'white space before it': ' https://media.example/a.mp4',
  'a tab in it': 'https://media.exa\tmple/a.mp4',
  'a line break in it': 'https://media.example/a\n.mp4',
  'a NUL byte': 'https://media.example/a\u0000.mp4',
  'half a surrogate pair': 'https://media.example/\uD800.mp4',
  'no video': 'https://www.youtube.com/',
  'a channel': 'https://www.youtube.com/@cats',
  'a list': 'https://www.youtube.com/playlist?list=PL1234',
  'a list in a frame': 'https://www.youtube.com/embed/videoseries?list=PL1234',
  "a channel's live frame": 'https://www.youtube.com/embed/live_stream?channel=UC1234',
  'an id that is too long': `https://youtu.be/${ID}A`,
  'an id with markup': 'https://youtu.be/"><script>x',
  'an id with a path': `https://www.youtube.com/embed/${ID}/../../x`,
  'a file at YouTube': 'https://www.youtube.com/a.mp4',
  'a page of Vimeo': 'https://vimeo.com/about',
  'a wrong hash of Vimeo': 'https://vimeo.com/76979871?h="onload=x',
  'another page of a video of Vimeo': 'https://vimeo.com/76979871/settings',
  'a number of Vimeo that is none': 'https://vimeo.com/0',
  'no video file': 'https://media.example/a.html',
  'the end in the query': 'https://media.example/a.html?x=.mp4',
  'the end in the fragment': 'https://media.example/a.html#.mp4',
  'an address that grows too long': `https://media.example/${'ü'.repeat(1000)}.mp4`,
}

test('addresses of YouTube, of Vimeo and of files are kept in one form', (t) => {
  for (const [text, url] of Object.entries(TAKEN))
    t.match(parseVideoAddress(text), { ok: true, value: { url } }, text)
  t.end()
})

test('every other address is refused', (t) => {
  for (const [what, text] of Object.entries(REFUSED)) t.match(parseVideoAddress(text), { ok: false }, what)
  t.end()
})

test('what is kept is taken again, and leads to the same video', (t) => {
  for (const text of Object.keys(TAKEN)) {
    const first = parseVideoAddress(text)
    if (!first.ok) throw new Error(text)
    t.strictSame(parseVideoAddress(first.value.url), first, text)
    const embedded = embedAddress(first.value)
    if (embedded !== null) t.strictSame(parseVideoAddress(embedded), first, embedded)
  }
  t.end()
})

test('a frame comes from the address that sets no cookie, with the hash of an unlisted video', (t) => {
  const of = (text: string) => {
    const parsed = parseVideoAddress(text)
    return parsed.ok && embedAddress(parsed.value)
  }
  t.equal(of(WATCH), `https://www.youtube-nocookie.com/embed/${ID}`)
  t.equal(of('https://vimeo.com/1'), 'https://player.vimeo.com/video/1?dnt=1')
  t.equal(of(`https://vimeo.com/1/${HASH}`), `https://player.vimeo.com/video/1?h=${HASH}&dnt=1`)
  t.equal(of('https://media.example/a.mp4'), null)
  t.end()
})

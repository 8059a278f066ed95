import { type AnyFeed, parseFeed } from 'feedsmith'
import { plainText, textOfHtml } from './plain-text.ts'

export const MAX_ITEMS = 50
const TITLE_MAX_CHARACTERS = 300
const SUMMARY_MAX_CHARACTERS = 500
const URL_MAX_CHARACTERS = 2048

/** A document as it came. */
export interface FeedDocument {
  readonly bytes: Uint8Array
  readonly contentType: string | undefined
  /** Its address: links in it may be relative. */
  readonly url: string
}

/** A feed as it is kept: texts without markup, links that lead to web pages. */
export interface ParsedFeed {
  readonly title: string | null
  readonly items: readonly ParsedItem[]
}

export interface ParsedItem {
  readonly title: string | null
  readonly url: string | null
  readonly summary: string | null
  /** Milliseconds since the Unix epoch. */
  readonly publishedAt: number | null
}

/** RSS 0.9 to 2.0, RDF, Atom and JSON Feed. Throws whatever the parser throws for anything else. */
export function parseDocument({ bytes, contentType, url }: FeedDocument): ParsedFeed {
  const parsed = parseFeed(decode(bytes, contentType), { maxItems: MAX_ITEMS })
  return {
    title: parsed.format === 'atom' ? text(parsed.feed.title) : text(parsed.feed.title, parsed.format),
    items: itemsOf(parsed)
      .slice(0, MAX_ITEMS)
      .map(({ title, links, summary, date }) => ({
        title,
        url: webAddress(links, url),
        summary,
        publishedAt: timeOf(date),
      })),
  }
}

interface RawItem {
  title: string | null
  links: readonly (string | undefined)[]
  summary: string | null
  date: string | undefined
}

function itemsOf(parsed: AnyFeed): RawItem[] {
  switch (parsed.format) {
    case 'rss':
      return (parsed.feed.items ?? []).map((item) => ({
        title: text(item.title ?? item.dc?.titles?.[0], 'rss'),
        links: [item.link, item.guid?.isPermaLink === false ? undefined : item.guid?.value],
        summary: summary(item.description ?? item.content?.encoded, 'rss'),
        date: item.pubDate ?? item.dc?.dates?.[0],
      }))
    case 'rdf':
      return (parsed.feed.items ?? []).map((item) => ({
        title: text(item.title ?? item.dc?.titles?.[0], 'rdf'),
        links: [item.link, item.rdf?.about],
        summary: summary(item.description ?? item.content?.encoded, 'rdf'),
        date: item.dc?.dates?.[0],
      }))
    case 'atom':
      return (parsed.feed.entries ?? []).map((entry) => ({
        title: text(entry.title),
        links: (entry.links ?? [])
          .filter(({ rel = 'alternate' }) => rel === 'alternate')
          .map(({ href }) => href),
        summary: summary(entry.summary ?? entry.content),
        date: entry.published ?? entry.updated,
      }))
    case 'json':
      return (parsed.feed.items ?? []).map((item) => ({
        title: text(item.title, 'json'),
        links: [item.url, item.external_url],
        summary: summary(item.summary ?? item.content_text, 'json') ?? summary(item.content_html, 'rss'),
        date: item.date_published ?? item.date_modified,
      }))
  }
}

type Text = string | { value?: string; type?: string } | undefined

/** RSS says nothing about markup in its texts, and it is customary. Atom tells; JSON Feed has none. */
function text(from: Text, format?: AnyFeed['format'], max = TITLE_MAX_CHARACTERS): string | null {
  const { value, type } = typeof from === 'object' ? from : { value: from, type: undefined }
  if (value === undefined) return null
  const isPlain =
    format === undefined ? (type ?? 'text') === 'text' || type === 'text/plain' : format === 'json'
  const plain = isPlain ? plainText(value, max) : textOfHtml(value, max)
  return plain === '' ? null : plain
}

function summary(from: Text, format?: AnyFeed['format']): string | null {
  return text(from, format, SUMMARY_MAX_CHARACTERS)
}

function webAddress(links: readonly (string | undefined)[], base: string): string | null {
  for (const link of links) {
    if (link === undefined || link.length > URL_MAX_CHARACTERS || !URL.canParse(link, base)) continue
    const { protocol, href } = new URL(link, base)
    if (/^https?:$/.test(protocol) && href.length <= URL_MAX_CHARACTERS) return href
  }
  return null
}

/** RFC 822 and RFC 3339, as Date reads both; years of four digits only. */
function timeOf(date: string | undefined): number | null {
  const ms = Date.parse(date ?? '')
  return ms >= 0 && ms <= 253_402_300_799_999 ? ms : null
}

/**
 * By the byte order mark, the encoding of its first character, the charset of the answer and the XML declaration, in
 * this order (RFC 7303 §3, XML 1.0 appendix F); else it is UTF-8.
 */
function decode(bytes: Uint8Array, contentType: string | undefined): string {
  const start = Buffer.from(bytes.subarray(0, 200)).toString('latin1')
  const declared = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)/.exec(start)?.[1]
  const candidates = [
    MARKS.find(([mark]) => start.startsWith(mark))?.[1],
    /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(contentType ?? '')?.[1],
    // Whoever can read it here has not read UTF-16.
    declared?.toLowerCase().startsWith('utf-16') ? 'utf-8' : declared,
  ]
  return (candidates.map(decoderOf).find((decoder) => decoder !== undefined) ?? new TextDecoder()).decode(
    bytes,
  )
}

const MARKS = [
  ['\xEF\xBB\xBF', 'utf-8'],
  ['\xFE\xFF', 'utf-16be'],
  ['\xFF\xFE', 'utf-16le'],
  ['\0<', 'utf-16be'],
  ['<\0', 'utf-16le'],
] as const

function decoderOf(label: string | undefined): TextDecoder | undefined {
  if (label === undefined) return undefined
  try {
    return new TextDecoder(label)
  } catch {
    return undefined
  }
}

import { Parser } from 'htmlparser2'

/** More markup is not looked at: the text that is kept stands at its beginning. */
const MARKUP_MAX_CHARACTERS = 20_000
const SILENT = new Set(['script', 'style', 'template', 'noscript', 'iframe', 'textarea', 'title'])

/** The text of HTML, on one line, at most `max` UTF-16 units long. */
export function textOfHtml(markup: string, max: number): string {
  let text = ''
  let silent = 0
  const parser = new Parser({
    ontext(data) {
      if (silent === 0) text += data
    },
    onopentagname(name) {
      if (SILENT.has(name)) silent++
      text += ' '
    },
    onclosetag(name) {
      if (SILENT.has(name)) silent--
      text += ' '
    },
  })
  parser.end(markup.slice(0, MARKUP_MAX_CHARACTERS))
  return plainText(text, max)
}

/** On one line, without controls and marks that turn the direction of the text around it. */
export function plainText(text: string, max: number): string {
  const line = text
    .slice(0, MARKUP_MAX_CHARACTERS)
    .replace(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/g, '')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  return (line.length <= max ? line : `${line.slice(0, max - 1).trimEnd()}…`).toWellFormed()
}

import { h } from './dom.js'

/**
 * A note's text as elements: headings, lists, rules, paragraphs, code blocks; bold, emphasis, code and links within. All else
 * stays text, so no note can bring markup, pictures or scripts.
 */
export function markdown(text) {
  const blocks = []
  const lines = text.replaceAll('\r', '').split('\n')
  while (lines.length > 0) {
    const line = lines.shift()
    const heading = /^(#{1,6})\s+(.*)$/.exec(line)
    if (line.trim() === '') continue
    if (/^\s*([-*_])(?:\s*\1){2,}\s*$/.test(line)) blocks.push(h('hr'))
    else if (heading) blocks.push(h(`h${Math.min(6, heading[1].length + 2)}`, {}, inline(heading[2])))
    else if (line.startsWith('```')) {
      const code = take(lines, (next) => !next.startsWith('```'))
      lines.shift()
      blocks.push(h('pre', {}, code.join('\n')))
    } else if (bullet.test(line)) {
      const items = [line, ...take(lines, (next) => bullet.test(next))]
      blocks.push(
        h(
          /^\s*\d/.test(line) ? 'ol' : 'ul',
          {},
          items.map((item) => h('li', {}, inline(item.replace(bullet, '')))),
        ),
      )
    } else {
      const rest = take(
        lines,
        (next) => next.trim() !== '' && !bullet.test(next) && !/^(#{1,6}\s|```)/.test(next),
      )
      blocks.push(h('p', {}, inline([line, ...rest].join(' '))))
    }
  }
  return blocks
}

const bullet = /^\s*(?:[-*+]|\d+\.)\s+/

function take(lines, isWanted) {
  const taken = []
  while (lines.length > 0 && isWanted(lines[0])) taken.push(lines.shift())
  return taken
}

const INLINE =
  /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|(?<!\w)__([^_]+)__(?!\w)|(?<!\w)_([^_\s][^_]*)_(?!\w)|\[([^\]]+)\]\((https?:\/\/[^\s)]+|\/[^\s/)][^\s)]*)\)/

function inline(text) {
  const parts = []
  let rest = text
  for (let found = INLINE.exec(rest); found; found = INLINE.exec(rest)) {
    parts.push(rest.slice(0, found.index))
    const [all, code, strongStars, emphasisStars, strongLines, emphasisLines, label, address] = found
    const [strong, emphasis] = [strongStars ?? strongLines, emphasisStars ?? emphasisLines]
    if (code) parts.push(h('code', {}, code))
    else if (strong) parts.push(h('strong', {}, inline(strong)))
    else if (emphasis) parts.push(h('em', {}, inline(emphasis)))
    else parts.push(h('a', { href: address, rel: 'noopener noreferrer' }, label))
    rest = rest.slice(found.index + all.length)
  }
  return [...parts, rest]
}

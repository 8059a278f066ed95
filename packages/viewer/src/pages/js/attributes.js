import { h } from './dom.js'

/** Names and values as received, in one table. */
export function attributeTable(title, attributes) {
  const entries = Object.entries(attributes ?? {}).sort(([one], [other]) => (one < other ? -1 : 1))
  if (entries.length === 0) return undefined
  return h(
    'section',
    { class: 'attributes' },
    // Not a heading: it stands below headings of different levels, and labels the table too.
    h('p', { class: 'title', 'aria-hidden': 'true' }, title),
    h(
      'table',
      {},
      h('caption', { class: 'hidden' }, title),
      h(
        'tbody',
        {},
        entries.map(([name, value]) =>
          h('tr', {}, h('th', { scope: 'row' }, breakable(name)), h('td', {}, textOf(value))),
        ),
      ),
    ),
  )
}

/** Long names break where their parts end. */
function breakable(name) {
  return name.split(/(?<=[._/])/).flatMap((part) => [part, h('wbr')])
}

function textOf(value) {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

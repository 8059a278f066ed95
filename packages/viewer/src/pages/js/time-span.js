import { h } from './dom.js'
import { clock, dateAndClock } from './format.js'
import { live } from './live.js'

export const SPANS = [
  ['5m', 300],
  ['15m', 900],
  ['30m', 1800],
  ['1h', 3600],
  ['4h', 14_400],
  ['12h', 43_200],
  ['1d', 86_400],
]
const DEFAULT = '15m'

export function secondsOf(name) {
  const [, amount, unit] = /^(\d{1,4})(mo|[mhdw])$/.exec(name ?? '') ?? []
  return amount && Number(amount) * { m: 60, h: 3600, d: 86_400, w: 604_800, mo: 2_592_000 }[unit]
}

/**
 * The time that a page shows. It is in the page's address, which can be shared: `span=15m` up to now, or `from` and `to`
 * in milliseconds. Emits `change`.
 */
class TimeSpan extends EventTarget {
  #name = DEFAULT
  #fixed

  constructor() {
    super()
    const given = new URLSearchParams(location.search)
    const [from, to] = [Number(given.get('from')), Number(given.get('to'))]
    if (secondsOf(given.get('span'))) this.#name = given.get('span')
    if (from > 0 && to > from) this.#fixed = { from, to }
  }

  get name() {
    return this.#fixed ? undefined : this.#name
  }

  get isFixed() {
    return this.#fixed !== undefined
  }

  get seconds() {
    return secondsOf(this.#name)
  }

  /** In milliseconds. */
  range(now = Date.now()) {
    return this.#fixed ?? { from: now - this.seconds * 1000, to: now }
  }

  choose(name) {
    this.#name = name
    this.#fixed = undefined
    this.#tell()
  }

  fix(from, to) {
    this.#fixed = { from: Math.floor(from), to: Math.ceil(to) }
    this.#tell()
  }

  /** The next shorter (-1) or longer (1) one. */
  step(direction) {
    const index = SPANS.findIndex(([, seconds]) => seconds >= this.seconds)
    const next = SPANS[index + direction]
    if (next) this.choose(next[0])
  }

  /** The parameters for other pages' addresses. */
  parameters() {
    return this.#fixed
      ? { from: String(this.#fixed.from), to: String(this.#fixed.to) }
      : this.#name === DEFAULT
        ? {}
        : { span: this.#name }
  }

  #tell() {
    const { span, from, to } = { span: undefined, from: undefined, to: undefined, ...this.parameters() }
    updateAddress({ span, from, to })
    this.dispatchEvent(new Event('change'))
  }
}

export const timeSpan = new TimeSpan()

/** Sets parameters of the page's address, and removes undefined and empty ones. */
export function updateAddress(parameters) {
  const address = new URL(location.href)
  for (const [name, value] of Object.entries(parameters))
    if (value === undefined || value === null || value === '') address.searchParams.delete(name)
    else address.searchParams.set(name, value)
  history.replaceState(null, '', address)
}

export function spanPicker() {
  const select = h(
    'select',
    { id: 'span', 'aria-label': 'Time shown', onchange: () => timeSpan.choose(select.value) },
    SPANS.map(([name]) => h('option', { value: name }, `Past ${name}`)),
  )
  const back = h(
    'button',
    {
      type: 'button',
      class: 'button',
      onclick: () => {
        timeSpan.choose(SPANS.find(([, seconds]) => seconds >= timeSpan.seconds)?.[0] ?? DEFAULT)
        live.pause(false)
      },
    },
    'Back to now',
  )
  const custom = h('option', { value: 'custom' })
  const show = () => {
    custom.remove()
    if (timeSpan.isFixed) {
      const { from, to } = timeSpan.range()
      custom.textContent = `${clock(from)} to ${clock(to)}`
      custom.title = dateAndClock(from)
      select.prepend(custom)
      select.value = 'custom'
    } else {
      if (![...select.options].some(({ value }) => value === timeSpan.name)) {
        custom.value = timeSpan.name
        custom.textContent = `Past ${timeSpan.name}`
        select.prepend(custom)
      }
      select.value = timeSpan.name
      custom.value = 'custom'
    }
    back.hidden = !timeSpan.isFixed
  }
  timeSpan.addEventListener('change', show)
  show()
  return h('span', { class: 'span-picker' }, select, back)
}

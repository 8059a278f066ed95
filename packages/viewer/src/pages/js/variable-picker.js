import { h } from './dom.js'
import { updateAddress } from './time-span.js'

const MOST_SHOWN = 100

/**
 * A template variable's box: one value, several (any of them), or all. Keeps the chosen values in the page's address, in
 * Datadog's form: `tpl_var_page=home`, and `tpl_var_page[0]=home&tpl_var_page[1]=friends`.
 */
export class VariablePicker {
  element
  #name
  #values
  #known = []
  #onChange
  #shown = h('b', {})
  #find
  #list = h('div', { class: 'values' })

  /** `fallback` is the choice without one in the address. */
  constructor({ name, fallback, onChange }) {
    this.#name = name
    this.#onChange = onChange
    this.#values = withoutAll(valuesInAddress(name) ?? fallback)
    this.#find = h('input', {
      type: 'search',
      placeholder: 'find, or type a value',
      'aria-label': `Values of ${name}`,
      oninput: () => this.#drawValues(),
      onkeydown: (event) => {
        if (event.key !== 'Enter' || this.#find.value.trim() === '') return
        event.preventDefault()
        this.#choose([...this.#values, this.#find.value.trim()])
        this.#find.value = ''
        this.#drawValues()
      },
    })
    this.element = h(
      'details',
      {
        class: 'variable',
        id: `variable-${name}`,
        ontoggle: () => {
          if (!this.element.open) return
          this.#find.value = ''
          this.#drawValues()
        },
        onkeydown: (event) => {
          if (event.key !== 'Escape' || !this.element.open) return
          event.stopPropagation()
          this.element.open = false
          this.element.querySelector('summary').focus()
        },
      },
      h('summary', {}, h('span', {}, name), this.#shown),
      h('div', { class: 'choices' }, this.#find, this.#list),
    )
    document.addEventListener('pointerdown', ({ target }) => {
      if (!this.element.contains(target)) this.element.open = false
    })
    this.#drawShown()
  }

  /** An empty choice means all. */
  get values() {
    return this.#values
  }

  offer(values) {
    const known = [...new Set(values.filter((value) => value !== '*'))]
    if (JSON.stringify(known) === JSON.stringify(this.#known)) return
    this.#known = known
    if (this.element.open) this.#drawValues()
  }

  #choose(values) {
    this.#values = withoutAll([...new Set(values)])
    writeAddress(this.#name, this.#values)
    this.#drawShown()
    this.#drawValues()
    this.#onChange()
  }

  #drawShown() {
    this.#shown.textContent = this.#values.length === 0 ? 'all' : this.#values.join(', ')
    this.#shown.title = this.#values.join('\n')
  }

  #drawValues() {
    const wanted = this.#find.value.trim().toLowerCase()
    const all = [...new Set([...this.#values, ...this.#known])].filter((value) =>
      value.toLowerCase().includes(wanted),
    )
    const focused = document.activeElement?.value
    const isInList = this.#list.contains(document.activeElement)
    this.#list.replaceChildren(
      wanted === '' ? this.#check('', 'all', this.#values.length === 0, () => this.#choose([])) : '',
      ...all.slice(0, MOST_SHOWN).map((value) => {
        const isChosen = this.#values.includes(value)
        const others = this.#values.filter((other) => other !== value)
        return this.#check(value, value, isChosen, () => this.#choose(isChosen ? others : [...others, value]))
      }),
      all.length === 0
        ? h('p', { class: 'muted' }, wanted ? 'Enter takes it as it is.' : 'No value has arrived yet.')
        : '',
      all.length > MOST_SHOWN ? h('p', { class: 'muted' }, `and ${all.length - MOST_SHOWN} more`) : '',
    )
    if (isInList) [...this.#list.querySelectorAll('input')].find(({ value }) => value === focused)?.focus()
  }

  #check(value, label, isChosen, onchange) {
    const box = h('input', { type: 'checkbox', onchange })
    box.value = value
    box.checked = isChosen
    return h('label', {}, box, h('span', { title: label }, label))
  }
}

const withoutAll = (values) => (values.includes('*') ? [] : values.filter((value) => value !== ''))

function valuesInAddress(name) {
  const parameters = new URLSearchParams(location.search)
  const found = [...parameters].filter(
    ([key]) => key === `tpl_var_${name}` || (key.startsWith(`tpl_var_${name}[`) && key.endsWith(']')),
  )
  return found.length > 0 ? found.map(([, value]) => value) : undefined
}

function writeAddress(name, values) {
  const key = `tpl_var_${name}`
  const gone = [...new URLSearchParams(location.search).keys()].filter((each) => each.startsWith(`${key}[`))
  updateAddress({
    ...Object.fromEntries(gone.map((each) => [each, undefined])),
    [key]: values.length === 0 ? '*' : values.length === 1 ? values[0] : undefined,
    ...(values.length > 1 && Object.fromEntries(values.map((value, index) => [`${key}[${index}]`, value]))),
  })
}

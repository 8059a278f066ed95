import { getJson } from './api.js'
import { debounced, h } from './dom.js'

let editors = 0

/**
 * A field for a query, or a part of one, with completion, and with the place of an error underlined. `around` gives the text
 * before and after the part, so the viewer can complete it. `onChange` gets the typed text after a pause.
 */
export class QueryEditor {
  element
  #input
  #backdrop
  #list
  #around
  #onChange
  #onAccept
  #completion = { suggestions: [] }
  #active = -1
  #asked = 0
  #tell

  constructor({
    label,
    placeholder = '',
    isMultiline = false,
    isSearch = false,
    around = () => ['', ''],
    onChange,
    onAccept,
  }) {
    editors += 1
    const id = `suggestions-${editors}`
    this.#around = around
    this.#onChange = onChange
    this.#onAccept = onAccept
    this.#tell = debounced(() => this.#onChange(this.value))
    this.#backdrop = h('div', { class: 'backdrop', 'aria-hidden': 'true' })
    this.#list = h('ul', {
      id,
      class: 'suggestions',
      role: 'listbox',
      'aria-label': `Suggestions for ${label}`,
      hidden: true,
    })
    this.#input = h(isMultiline ? 'textarea' : 'input', {
      ...(isMultiline ? { rows: '1' } : { type: 'text' }),
      placeholder,
      spellcheck: 'false',
      autocomplete: 'off',
      autocapitalize: 'off',
      role: 'combobox',
      'aria-label': label,
      'aria-autocomplete': 'list',
      'aria-expanded': 'false',
      'aria-controls': id,
      data: isSearch ? { search: '' } : {},
      oninput: () => this.#typed(),
      onclick: () => this.#suggest(),
      onfocus: () => this.#suggest(),
      onblur: () => this.#close(),
      onkeydown: (event) => this.#key(event),
      onscroll: () => {
        this.#backdrop.scrollLeft = this.#input.scrollLeft
      },
    })
    this.element = h('div', { class: 'editor' }, this.#backdrop, this.#input, this.#list)
  }

  get value() {
    return this.#input.value.replaceAll('\n', ' ')
  }

  set value(text) {
    if (text === this.#input.value) return
    this.#input.value = text
    this.mark(undefined)
    this.#grow()
  }

  focus() {
    this.#input.focus()
  }

  /** Underlines {from, to} of the text; an end beyond the text is its last character. */
  mark(place) {
    this.#input.setAttribute('aria-invalid', String(place !== undefined))
    const text = this.#input.value
    if (place === undefined) {
      this.#backdrop.replaceChildren()
      return
    }
    const from = Math.min(place.from, text.length)
    const to = Math.min(Math.max(place.to, from + 1), text.length)
    this.#backdrop.replaceChildren(
      text.slice(0, from),
      h('mark', {}, text.slice(from, to) || ' '),
      text.slice(to),
    )
  }

  #typed() {
    this.mark(undefined)
    this.#grow()
    this.#tell()
    void this.#suggest()
  }

  #grow() {
    if (this.#input.tagName !== 'TEXTAREA') return
    this.#input.style.height = 'auto'
    this.#input.style.height = `${this.#input.scrollHeight + 2}px`
  }

  async #suggest() {
    this.#asked += 1
    const mine = this.#asked
    const [before, after] = this.#around()
    const cursor = before.length + (this.#input.selectionEnd ?? 0)
    const { length } = this.value
    const query = before + this.value + after
    const found = await getJson('/api/complete', { query, cursor }).catch(() => ({ suggestions: [] }))
    if (mine !== this.#asked || document.activeElement !== this.#input) return
    const limit = before.length + this.value.length
    // A suggestion that replaces text outside of this part does not belong to it.
    if (found.suggestions.length > 0 && (found.from < before.length || found.to > limit))
      found.suggestions = []
    this.#completion = { ...found, from: found.from - before.length, to: found.to - before.length, length }
    this.#show()
  }

  #show() {
    const { suggestions, from, to } = this.#completion
    const typed = this.value.slice(from, to)
    const useful = suggestions.filter(({ text }) => text !== typed)
    this.#completion.suggestions = useful
    this.#active = -1
    if (useful.length === 0) {
      this.#close()
      return
    }
    this.#list.replaceChildren(
      ...useful.map(({ text, kind, detail }, index) =>
        h(
          'li',
          {
            id: `${this.#list.id}-${index}`,
            role: 'option',
            'aria-selected': 'false',
            onmousedown: (event) => {
              event.preventDefault()
              this.#accept(index)
            },
          },
          h('span', { class: `kind ${kind}` }, kind),
          h('span', { class: 'text' }, text),
          h('span', { class: 'detail' }, detail),
        ),
      ),
    )
    this.#list.hidden = false
    this.#input.setAttribute('aria-expanded', 'true')
  }

  #close() {
    this.#list.hidden = true
    this.#active = -1
    this.#input.setAttribute('aria-expanded', 'false')
    this.#input.removeAttribute('aria-activedescendant')
  }

  #move(step) {
    const { children } = this.#list
    this.#active = (this.#active + step + children.length) % children.length
    if (this.#active < 0) this.#active = children.length - 1
    for (const [index, item] of [...children].entries())
      item.setAttribute('aria-selected', String(index === this.#active))
    const item = children[this.#active]
    item.scrollIntoView({ block: 'nearest' })
    this.#input.setAttribute('aria-activedescendant', item.id)
  }

  #accept(index) {
    const { suggestions, from, length } = this.#completion
    const { text } = suggestions[index]
    const { value } = this
    // The text typed since the request belongs to the replaced word.
    const to = Math.max(from, this.#completion.to + value.length - length)
    this.#input.value = value.slice(0, from) + text + value.slice(to)
    this.#input.setSelectionRange(from + text.length, from + text.length)
    this.#close()
    this.#typed()
    this.#onAccept?.(text)
  }

  #key(event) {
    const isOpen = !this.#list.hidden
    const { key } = event
    if (isOpen && (key === 'ArrowDown' || key === 'ArrowUp')) {
      event.preventDefault()
      this.#move(key === 'ArrowDown' ? 1 : -1)
    } else if (isOpen && this.#active >= 0 && (key === 'Enter' || key === 'Tab')) {
      event.preventDefault()
      this.#accept(this.#active)
    } else if (key === 'Enter') {
      event.preventDefault()
      this.#close()
      this.#onChange(this.value)
    } else if (isOpen && key === 'Escape') {
      event.preventDefault()
      event.stopPropagation()
      this.#close()
    } else if ((event.ctrlKey || event.metaKey) && key === ' ') {
      event.preventDefault()
      void this.#suggest()
    }
  }
}

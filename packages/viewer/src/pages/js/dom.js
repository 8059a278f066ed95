/**
 * Makes an element. Strings become text nodes, and no argument takes markup: received data stay text.
 * `on…` are listeners, `style` an object of properties (custom ones too), `data` an object for `dataset`.
 */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children)
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children)
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'style')
      for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text)
    else if (name === 'data') Object.assign(element.dataset, value)
    else if (name === 'value') continue
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(
    ...children.flat().filter((child) => child !== undefined && child !== null && child !== false),
  )
  // A select has no value before it has options.
  if (properties.value !== undefined) element.value = properties.value
  return element
}

/** A symbol of a few strokes, drawn in the colour of the text. */
export function icon(path) {
  return svg(
    'svg',
    { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: path }),
  )
}

export function option(value, text = value) {
  return h('option', { value }, text)
}

/** Calls after a pause, so typing does not ask at every letter. */
export function debounced(action, waitMs = 250) {
  let timer
  return (...given) => {
    clearTimeout(timer)
    timer = setTimeout(action, waitMs, ...given)
  }
}

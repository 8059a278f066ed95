const COMPARE = {
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '=': (value, bound) => value === bound,
}
const TONES = { red: 'bad', yellow: 'warn', orange: 'warn', green: 'good' }

/** The first format that holds gives the tone. style.css has the colours. */
export function applyFormat(element, formats = [], value) {
  const found = formats.find(({ comparator, value: bound }) => COMPARE[comparator]?.(value, bound))
  const palette = found?.palette ?? ''
  const [name] = /red|yellow|orange|green/.exec(palette) ?? []
  element.dataset.tone = name ? TONES[name] : ''
  // `white_on_red` and `black_on_light_red` are grounds, `red_on_white` and `red` are letters.
  element.dataset.filled = String(/_on_(?!white)/.test(palette))
}

/**
 * A unit of the API ({name, per}) as text and steps. Seconds and bytes are scaled to readable numbers, annotations such as
 * {request} are words, 1 is a plain number, and other units (EUR, kWh) stand beside every number.
 */
const TIMES = [
  [1e-9, 'ns'],
  [1e-6, 'µs'],
  [1e-3, 'ms'],
  [1, 's'],
  [60, 'min'],
  [3600, 'h'],
  [86_400, 'd'],
]
const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'].map((name, power) => [1024 ** power, name])
const COUNTS = [
  [1, ''],
  [1e3, 'k'],
  [1e6, 'M'],
  [1e9, 'G'],
]
/** Datadog's names for units, as widgets write them in `number_format`. */
const NAMED = {
  nanosecond: ['s', 1e-9],
  microsecond: ['s', 1e-6],
  millisecond: ['s', 1e-3],
  second: ['s', 1],
  minute: ['s', 60],
  hour: ['s', 3600],
  byte: ['By', 1],
  kibibyte: ['By', 1024],
  mebibyte: ['By', 1024 ** 2],
  percent: ['%', 1],
  fraction: ['%', 100],
}
const OTLP = {
  s: ['s', 1],
  ms: ['s', 1e-3],
  us: ['s', 1e-6],
  ns: ['s', 1e-9],
  min: ['s', 60],
  h: ['s', 3600],
  By: ['By', 1],
  KiBy: ['By', 1024],
  MiBy: ['By', 1024 ** 2],
  '%': ['%', 1],
}

/** The unit of shown numbers. `format` is a widget's `number_format`, which overrides the data's unit. */
export function unitOf(unit, format) {
  const wished = format?.unit
  const named = wished?.type === 'canonical_unit' ? wished.unit_name : undefined
  if (wished?.type === 'custom_unit_label') return plainUnit(wished.label ?? '')
  if (named !== undefined)
    return named in NAMED
      ? scaledUnit(...NAMED[named], wished.per_unit_name && perText(wished.per_unit_name))
      : plainUnit(named, wished.per_unit_name && perText(wished.per_unit_name))
  const name = unit?.name ?? ''
  const per = unit?.per ? perText(unit.per) : undefined
  if (Object.hasOwn(OTLP, name)) return scaledUnit(...OTLP[name], per)
  // Not every sender knows the conventions: `seconds`, `bytes`.
  const singular = name.replace(/s$/, '')
  if (Object.hasOwn(NAMED, singular)) return scaledUnit(...NAMED[singular], per)
  const annotation = /^\{(.*)\}$/.exec(name)?.[1]
  if (annotation !== undefined || name === '' || name === '1') return plainUnit(annotation ?? '', per)
  return { ...plainUnit(name === 'Cel' ? '°C' : name, per), isSymbol: true }
}

function perText(name) {
  return { second: 's', minute: 'min', hour: 'h' }[name] ?? name
}

function scaledUnit(base, factor, per) {
  const steps = base === 's' ? TIMES : base === 'By' ? BYTES : [[1, '%']]
  return { base, factor, steps, per, word: '' }
}

export function plainUnit(word, per) {
  return { base: '', factor: 1, steps: COUNTS, per, word }
}

export const sameUnit = (one, other) =>
  one.base === other.base && one.factor === other.factor && one.per === other.per && one.word === other.word

function stepFor(unit, size) {
  const { steps } = unit
  if (!(size > 0)) return steps.find(([scale]) => scale === 1)
  // Whole seconds up to two minutes, and minutes up to two hours, read better than fractions of the next.
  const found = steps.findLast(
    ([scale]) => size >= (unit.base === 's' && scale > 1 ? 2 * scale : scale) * 0.99995,
  )
  return found ?? steps[0]
}

function digits(value, decimals) {
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

/** About three significant digits, without needless zeros. */
function significant(value) {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 1e-3) return value.toExponential(1)
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
  return value.toLocaleString('en', { maximumFractionDigits: decimals })
}

/** A value with its unit: `12.3 ms`, `1.2 MiB`, `48 view/s`. */
export function formatValue(value, unit, precision) {
  const [number, suffix] = formatParts(value, unit, precision)
  return suffix === '' ? number : `${number} ${suffix}`
}

/** Number and unit apart, to set them in different sizes. */
export function formatParts(value, unit, precision) {
  if (value === null || value === undefined || !Number.isFinite(value)) return ['–', '']
  const base = value * unit.factor
  const isSmallCount = unit.base === '' && Math.abs(base) < 10_000
  const [scale, name] = isSmallCount ? [1, ''] : stepFor(unit, Math.abs(base))
  const shown = base / scale
  const number = precision === undefined ? significant(shown) : digits(shown, precision)
  if (unit.base === '') {
    const word = number === '1' || unit.isSymbol ? unit.word : plural(unit.word)
    return [number + name, unit.per ? `${word}/${unit.per}` : word]
  }
  return [number, unit.per ? `${name}/${unit.per}` : name]
}

/** Without the counted thing, for columns of numbers: `48/s`. */
export function formatBrief(value, unit) {
  if (unit.base !== '' || unit.isSymbol) return formatValue(value, unit)
  const [number] = formatParts(value, unit)
  return number === '–' || !unit.per ? number : `${number}/${unit.per}`
}

/** Units are written in the singular: {view}, {data_point}. */
function plural(unit) {
  const word = unit.replaceAll('_', ' ')
  if (!/[a-z]{2}$/.test(word) || word.endsWith('s')) return word
  return `${word.endsWith('y') ? `${word.slice(0, -1)}ie` : word}s`
}

/** Labels of an axis: one unit for all of them, with the decimals of the step. */
export function axisLabels(splits, unit, isLogarithmic) {
  const known = splits.filter((value) => value !== null)
  if (isLogarithmic) return splits.map((value) => (value === null ? '' : formatShort(value, unit)))
  const largest = Math.max(...known.map(Math.abs)) * unit.factor
  const [scale, name] = stepFor(unit, largest)
  const step = known.length > 1 ? Math.abs((known[1] - known[0]) * unit.factor) / scale : 1
  const decimals = decimalsOf(step)
  const suffix =
    unit.base === '' ? name : `${unit.base === '%' ? '' : ' '}${name}${unit.per ? `/${unit.per}` : ''}`
  return splits.map((value) => {
    if (value === null) return ''
    const shown = (value * unit.factor) / scale
    const tidy = digits(shown, decimals)
    return shown === 0 ? `0${unit.base === '' ? '' : suffix}` : `${tidy}${suffix}`
  })
}

function decimalsOf(step) {
  let decimals = 0
  while (decimals < 6 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6)
    decimals += 1
  return decimals
}

function formatShort(value, unit) {
  const base = value * unit.factor
  const [scale, name] = stepFor(unit, Math.abs(base))
  const number = Number((base / scale).toPrecision(2)).toLocaleString('en', { maximumFractionDigits: 9 })
  if (unit.base === '') return number + name
  return `${number} ${name}${unit.per ? `/${unit.per}` : ''}`
}

const two = (number) => String(number).padStart(2, '0')

/** The time of day, in the reader's time zone. */
export function clock(ms, withMillis = false) {
  const time = new Date(ms)
  const text = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  return withMillis ? `${text}.${String(Math.floor(((ms % 1000) + 1000) % 1000)).padStart(3, '0')}` : text
}

export function dateAndClock(ms) {
  const time = new Date(ms)
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock(ms, true)}`
}

export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - ms) / 1000))
  if (seconds < 2) return 'now'
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`
  return `${Math.round(seconds / 3600)} h ago`
}

const MILLISECONDS = scaledUnit('s', 1e-3)
export const formatMs = (ms) => formatValue(ms, MILLISECONDS)
const BYTE = scaledUnit('By', 1)
export const formatBytes = (bytes) => formatValue(bytes, BYTE)
export const formatCount = (count) => count.toLocaleString('en')
export const counted = (count, one, many = `${one}s`) => `${formatCount(count)} ${count === 1 ? one : many}`

/** Colours of series, distinct in both schemes. The first six are distinct without red and green too. */
const CLASSIC = [
  ['#3568d4', '#6c9cff'],
  ['#c96a12', '#f0a35e'],
  ['#1b8a63', '#4fc79a'],
  ['#a43fb3', '#d787e2'],
  ['#117f9a', '#4cc3dc'],
  ['#c23a48', '#f5828a'],
  ['#7d7010', '#cdbb52'],
  ['#5d4fd0', '#a497ff'],
  ['#b34479', '#ee91ba'],
  ['#4f6a88', '#97aec9'],
  ['#5a7d1c', '#a4cf5c'],
  ['#8a5a35', '#d2a37c'],
]
/** Hues of Datadog's palettes of one colour. */
const HUES = {
  warm: [24, 44, 8, 34],
  cool: [200, 220, 180, 240],
  purple: [270],
  orange: [28],
  green: [150],
  red: [355],
  blue: [215],
}
/** Hues and saturations for names with a meaning: statuses of HTTP, levels of logs, good and bad. */
const MEANINGS = [
  [/^(?:5\d\d|5xx|error|err|fatal|critical|crit|emerg(?:ency)?|alert|fail(?:ed|ure)?|down)$/i, 355, 52],
  [/^(?:4\d\d|4xx|warn(?:ing)?)$/i, 38, 70],
  [/^(?:2\d\d|2xx|ok|success|up|healthy)$/i, 150, 42],
  [/^(?:[13]\d\d|[13]xx|info|notice|debug|trace)$/i, 215, 50],
]
const taken = new Map()

export const isDark = () => {
  const { theme } = document.documentElement.dataset
  return theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
}

/** The same name has the same colour in all charts of a page. */
export function colorOf(name, index, palette) {
  const dark = isDark()
  if (palette === 'grey' || palette === 'gray') {
    const light = (dark ? 40 : 74) + (index % 3) * (dark ? 14 : -14)
    return `hsl(215 14% ${light}%)`
  }
  const hues = HUES[palette]
  if (hues) {
    const hue = hues[index % hues.length]
    const light = (dark ? 68 : 45) + (Math.floor(index / hues.length) % 4) * (dark ? 6 : -7)
    return `hsl(${hue} ${dark ? 75 : 62}% ${light}%)`
  }
  const meaning = palette === 'semantic' ? MEANINGS.find(([pattern]) => pattern.test(name)) : undefined
  if (meaning) {
    const [, hue, saturation] = meaning
    // Neighbours of one kind, such as 200 and 201, differ in their shade.
    const shade = [...name].reduce((sum, sign) => sum + sign.charCodeAt(0), 0) % 3
    return `hsl(${hue} ${saturation}% ${dark ? 54 + shade * 9 : 33 + shade * 5}%)`
  }
  if (!taken.has(name)) taken.set(name, taken.size)
  return CLASSIC[taken.get(name) % CLASSIC.length][dark ? 1 : 0]
}

/** The colour with this share of it left, for fills. */
export const faint = (color, share) => `color-mix(in srgb, ${color} ${Math.round(share * 100)}%, transparent)`

const probe = document.createElement('span')

/** A custom property as a colour for a canvas. */
export function themeColor(property) {
  probe.style.color = `var(${property})`
  if (!probe.isConnected) {
    probe.hidden = true
    document.body.append(probe)
  }
  return getComputedStyle(probe).color
}

/** Runs when the scheme changes, by the switch or the system. */
export function onScheme(action) {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', action)
  document.addEventListener('schemechange', action)
}

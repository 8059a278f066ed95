import { themeColor } from './colors.js'

const COLORS = { error: '--bad', warning: '--warn', ok: '--good', info: '--accent' }
const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi
/** Pixels of a label's line, and beside it. */
const LINE = 13
const MARGIN = 4

/** Lines (`y = 4`) and bands (`90 < y < 100`) over a chart, with labels that do not lie over each other. */
export function drawMarkers(plot, markers, scale) {
  const { ctx, bbox } = plot
  const pixel = devicePixelRatio
  const [top, bottom] = [bbox.top, bbox.top + bbox.height]
  const taken = []
  for (const { value = '', display_type: style = '', label } of markers) {
    const bounds = [...String(value).matchAll(NUMBER)].map(([number]) => Number(number)).slice(0, 2)
    if (bounds.length === 0) continue
    const color = themeColor(COLORS[/error|warning|ok|info/.exec(style)?.[0]] ?? '--muted')
    // On a log scale values at or below 0 are at the lower edge.
    const heights = bounds
      .map((bound) => plot.valToPos(bound, scale, true))
      .map((height) => (Number.isFinite(height) ? height : bottom + 1))
      .sort((one, other) => one - other)
    const [high] = heights
    const low = heights.at(-1)
    if (low < top || high > bottom) continue
    ctx.save()
    if (heights.length === 2) {
      const [from, to] = [Math.max(top, high), Math.min(bottom, low)]
      ctx.globalAlpha = 0.1
      ctx.fillStyle = color
      ctx.fillRect(bbox.left, from, bbox.width, to - from)
      ctx.globalAlpha = 1
    }
    ctx.strokeStyle = color
    ctx.lineWidth = (style.includes('bold') ? 2 : 1) * pixel
    if (!style.includes('solid') && !style.includes('bold')) ctx.setLineDash([5 * pixel, 4 * pixel])
    for (const height of heights.filter((height) => height >= top && height <= bottom)) {
      ctx.beginPath()
      ctx.moveTo(bbox.left, height)
      ctx.lineTo(bbox.left + bbox.width, height)
      ctx.stroke()
    }
    if (label) drawLabel(plot, String(label), color, heights, taken)
    ctx.restore()
  }
}

function drawLabel({ ctx, bbox }, text, color, heights, taken) {
  const pixel = devicePixelRatio
  const [line, margin] = [LINE * pixel, MARGIN * pixel]
  ctx.setLineDash([])
  ctx.font = `${11 * pixel}px ui-sans-serif, system-ui, sans-serif`
  const width = Math.min(ctx.measureText(text).width, bbox.width - 2 * margin)
  const [high, low] = [Math.max(bbox.top, heights[0]), Math.min(bbox.top + bbox.height, heights.at(-1))]
  const tops = [
    ...(low - high > line + margin ? [(low + high - line) / 2] : []),
    high - line - margin / 2,
    low + margin / 2,
  ].filter((top) => top >= bbox.top && top + line <= bbox.top + bbox.height)
  const lefts = [bbox.left + bbox.width - width - margin, bbox.left + margin]
  const places = lefts.flatMap((left) =>
    tops.map((top) => ({ left, top, right: left + width, bottom: top + line })),
  )
  const place = places.find((one) => !taken.some((other) => isOver(one, other))) ?? places[0]
  if (place === undefined) return
  taken.push(place)
  ctx.textAlign = 'left'
  ctx.textBaseline = 'middle'
  // A rim in the ground's colour keeps it readable on lines.
  ctx.lineJoin = 'round'
  ctx.lineWidth = 3 * pixel
  ctx.strokeStyle = themeColor('--panel')
  ctx.strokeText(text, place.left, place.top + line / 2, width)
  ctx.fillStyle = color
  ctx.fillText(text, place.left, place.top + line / 2, width)
}

function isOver(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom
}

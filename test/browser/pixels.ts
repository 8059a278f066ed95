/** How many pixels of a chart's plot are neither empty, nor the grid, nor the shade over what may still grow. */
export const PIXELS_OF = `function pixelsOf(chart) {
  const canvas = chart.querySelector('canvas')
  const over = chart.querySelector('.u-over')
  const { left, top, width, height } = over.getBoundingClientRect()
  const frame = canvas.getBoundingClientRect()
  const probe = document.body.appendChild(document.createElement('i'))
  probe.style.color = 'var(--grid)'
  const grid = getComputedStyle(probe).color.match(/[0-9]+/g).map(Number)
  probe.remove()
  const { data } = canvas.getContext('2d').getImageData(left - frame.left, top - frame.top, width, height)
  let count = 0
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 100 && grid.some((value, index) => Math.abs(value - data[at + index]) > 8)) count += 1
  return count
}`

/** A line of zeros over two buckets of a chart at 360 px has 19; an empty chart has none. */
export const LEAST_PIXELS = 8

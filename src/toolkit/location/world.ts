import type { GeometryCollection, Topology } from 'topojson-specification'

type Position = readonly number[]

let drawn: Promise<string> | undefined

/**
 * The land of the world as a picture of 360 by 180: a degree is one unit, and the north-west corner is 180° west,
 * 90° north. Drawn from Natural Earth's coarsest outlines when somebody first asks, because reading them takes longer
 * than all the rest of a start; the text is 72 kB.
 */
export function worldPicture(): Promise<string> {
  drawn ??= draw()
  return drawn
}

async function draw(): Promise<string> {
  const [{ feature }, atlas] = await Promise.all([
    import('topojson-client'),
    import('world-atlas/land-110m.json', { with: { type: 'json' } }),
  ])
  const topology = atlas.default as unknown as Topology<{ land: GeometryCollection }>
  const rings = feature(topology, topology.objects.land).features.flatMap(({ geometry }) =>
    geometry.type === 'MultiPolygon' ? geometry.coordinates.flat() : [],
  )
  const path = rings
    .flatMap(acrossDateLine)
    .map((ring) => `M${ring.map(point).join('L')}Z`)
    .join('')
  // The browser shows it as a picture, which no style of a page reaches: one grey fits light and dark.
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 180"><path fill="#7b8794" d="${path}"/></svg>`
}

/**
 * A ring that crosses 180° goes on beyond the edge of the picture, and comes in again at the other edge, as a copy. As it
 * is written, from 179° to -179°, it would be a bar through all the world.
 */
function acrossDateLine(ring: readonly Position[]): Position[][] {
  let turn = 0
  const line = ring.map(([longitude = 0, latitude = 0], index) => {
    const step = longitude - (ring[index - 1]?.[0] ?? longitude)
    if (Math.abs(step) > 180) turn -= 360 * Math.sign(step)
    return [longitude + turn, latitude]
  })
  // Once around the world: Antarctica, whose coast has the pole behind it.
  if (turn !== 0) line.push([line.at(-1)?.[0] ?? 0, -90], [line[0]?.[0] ?? 0, -90])
  return [-360, 0, 360]
    .map((shift) => line.map(([longitude = 0, latitude = 0]) => [longitude + shift, latitude]))
    .filter((copy) => copy.some(([longitude = 0]) => Math.abs(longitude) < 180))
}

function point([longitude = 0, latitude = 0]: Position): string {
  return `${(longitude + 180).toFixed(1)} ${(90 - latitude).toFixed(1)}`
}

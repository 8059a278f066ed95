import type { GeometryCollection, Topology } from 'topojson-specification'

let drawn: Promise<string> | undefined

/**
 * The land of the world as a picture of 360 by 180: a degree is one unit, and the north-west corner is 180° west,
 * 90° north. Drawn from Natural Earth's coarsest outlines when somebody first asks, because reading them takes longer
 * than all the rest of a start; the text is 60 kB.
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
  const path = rings.map((ring) => `M${ring.map(point).join('L')}Z`).join('')
  // The browser shows it as a picture, which no style of a page reaches: one grey fits light and dark.
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 180"><path fill="#7b8794" d="${path}"/></svg>`
}

function point([longitude = 0, latitude = 0]: readonly number[]): string {
  return `${(longitude + 180).toFixed(1)} ${(90 - latitude).toFixed(1)}`
}

import { test } from 'tap'
import { worldPicture } from '../../src/toolkit/location/world.ts'

/** Whether a point is land in the picture: how often a line to the east crosses an outline. */
async function landFinder(): Promise<(latitude: number, longitude: number) => boolean> {
  const path = / d="([^"]*)"/.exec(await worldPicture())?.[1] as string
  const rings = path
    .split('Z')
    .filter(Boolean)
    .map((ring) =>
      ring
        .slice(1)
        .split('L')
        .map((point) => point.split(' ').map(Number) as [number, number]),
    )
  return (latitude, longitude) => {
    const [x, y] = [longitude + 180, 90 - latitude]
    let crossings = 0
    for (const ring of rings)
      for (const [index, [x1, y1]] of ring.entries()) {
        const [x2, y2] = ring[(index + 1) % ring.length] as [number, number]
        if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) crossings++
      }
    return crossings % 2 === 1
  }
}

test('land is where it is in the world, at the date line and at the pole too', async (t) => {
  const isLand = await landFinder()
  const land = {
    Berlin: [52.52, 13.405],
    Brasilia: [-15.8, -47.9],
    Canberra: [-35.5, 149],
    Nairobi: [-1.3, 36.8],
    Winnipeg: [49.9, -97.1],
    'Chukotka, west of 180°': [67.5, 178],
    'Chukotka, east of 180°': [66.5, -175],
    'the South Pole': [-89.5, 0],
    'Antarctica at the date line': [-85, 179.5],
    'Antarctica at the other side of it': [-85, -179.5],
  } as const
  const sea = {
    'the middle of the Atlantic': [30, -40],
    'the Pacific at the equator': [0, -150],
    'the Indian Ocean at the latitude of Fiji': [-16.5, 80],
    'the Atlantic at the latitude of Chukotka': [66.5, 0],
    'the North Pole': [89, 0],
    'the sea around Antarctica': [-60, 0],
  } as const
  for (const [name, [latitude, longitude]] of Object.entries(land)) t.ok(isLand(latitude, longitude), name)
  for (const [name, [latitude, longitude]] of Object.entries(sea)) t.notOk(isLand(latitude, longitude), name)
})

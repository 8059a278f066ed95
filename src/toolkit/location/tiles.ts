/** A town with its surroundings: a tile is 10 km wide at the equator. */
const ZOOM = 12
const TILES_ACROSS = 2 ** ZOOM
/** Where the square of Web Mercator ends. */
const LATITUDE_MAX = 85.0511

interface TileGrid {
  /** Three rows of three addresses; undefined beyond the poles. */
  rows: (string | undefined)[][]
  /** The place, in tiles from the grid's north-west corner: 1 to 2. */
  x: number
  y: number
}

/** The tile of the place and its eight neighbours, from a template with `{z}`, `{x}` and `{y}` (Web Mercator). */
export function tilesAround(
  template: string,
  { latitude, longitude }: { latitude: number; longitude: number },
): TileGrid {
  const x = ((longitude + 180) / 360) * TILES_ACROSS
  const radians = (Math.max(-LATITUDE_MAX, Math.min(LATITUDE_MAX, latitude)) * Math.PI) / 180
  const y = ((1 - Math.asinh(Math.tan(radians)) / Math.PI) / 2) * TILES_ACROSS
  const column = Math.floor(x)
  const row = Math.min(Math.floor(y), TILES_ACROSS - 1)
  const around = [-1, 0, 1]
  return {
    rows: around.map((down) => around.map((right) => address(template, column + right, row + down))),
    x: x - column + 1,
    y: y - row + 1,
  }
}

function address(template: string, column: number, row: number): string | undefined {
  if (row < 0 || row >= TILES_ACROSS) return undefined
  // East of 180° the world begins again.
  const wrapped = (column + TILES_ACROSS) % TILES_ACROSS
  return template
    .replaceAll('{z}', String(ZOOM))
    .replaceAll('{x}', String(wrapped))
    .replaceAll('{y}', String(row))
}

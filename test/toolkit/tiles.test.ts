import { test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { tilesAround } from '../../src/toolkit/location/tiles.ts'

const TEMPLATE = 'https://tile.example/{z}/{x}/{y}.png'

test('the middle tile has the place, and the mark is at its point', (t) => {
  // The column is (13.405 + 180) / 360 of 4096; the row was computed with ln(tan + sec) instead of asinh(tan).
  const { rows, x, y } = tilesAround(TEMPLATE, { latitude: 52.52, longitude: 13.405 })
  t.equal(rows[1]?.[1], 'https://tile.example/12/2200/1343.png')
  t.ok(Math.abs(x - 1.5191) < 0.001, `x ${x}`)
  t.ok(y > 1 && y < 2, `y ${y}`)
  t.match(tilesAround(TEMPLATE, { latitude: 0, longitude: 0 }), { x: 1, y: 1 })
  t.end()
})

test('the world goes on east of 180°, and ends at the poles', (t) => {
  const at = (latitude: number, longitude: number) =>
    tilesAround(TEMPLATE, { latitude, longitude }).rows.map((row) =>
      row.map((url) => (url === undefined ? '-' : url.split('/').slice(4).join('/').replace('.png', ''))),
    )
  t.strictSame(at(0, 180)[1], ['4095/2048', '0/2048', '1/2048'])
  t.strictSame(at(0, -180)[1], ['4095/2048', '0/2048', '1/2048'])
  t.strictSame(at(90, 0)[0], ['-', '-', '-'])
  t.strictSame(at(90, 0)[1], ['2047/0', '2048/0', '2049/0'])
  t.strictSame(at(-90, 0)[1], ['2047/4095', '2048/4095', '2049/4095'])
  t.strictSame(at(-90, 0)[2], ['-', '-', '-'])
  for (const latitude of [90, -90, 85.1, -85.1]) {
    const { y } = tilesAround(TEMPLATE, { latitude, longitude: 0 })
    t.ok(y >= 1 && y <= 2, `${latitude}: ${y}`)
  }
  t.end()
})

test('a template of tiles is https, with the three places and nothing that the policy cannot name', (t) => {
  t.equal(readConfig({ MAP_TILES_URL: TEMPLATE }).mapTilesUrl, TEMPLATE)
  for (const wrong of [
    'http://tile.example/{z}/{x}/{y}.png',
    'https://tile.example/{z}/{x}.png',
    'https://{x}.tile.example/{z}/{y}.png',
    'https://ada:secret@tile.example/{z}/{x}/{y}.png',
    'https://[::1]/{z}/{x}/{y}.png',
    'tile.example/{z}/{x}/{y}',
    'javascript:{x}{y}{z}',
  ])
    t.throws(() => readConfig({ MAP_TILES_URL: wrong }), { message: /^MAP_TILES_URL is / }, wrong)
  t.end()
})

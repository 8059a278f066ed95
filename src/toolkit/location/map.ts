import type { Config } from '../../config.ts'
import { type Html, html } from '../../html/html.ts'
import type { Allowances } from '../../html/view.ts'
import { tilesAround } from './tiles.ts'

/** Address of the outlines, below the assets. */
export const WORLD_PATH = '/app/assets/world.svg'

type MapSettings = Pick<Config, 'mapTilesUrl' | 'mapTilesAttribution'>

interface Position {
  latitude: number
  longitude: number
}

/** Where a place is: in the world, and in its part of it, or on tiles if the operator has named a server of them. */
export function placeMap(position: Position, settings: MapSettings): Html {
  const { x, y } = onPicture(position)
  const [left, top] = [clamp(x - 30, 0, 300), clamp(y - 20, 0, 140)]
  return html`<div class="maps">
<figure><svg class="map" viewBox="0 0 360 180" role="img" aria-label="Map of the world with a mark at ${inWords(position)}">${outlines(position, 4)}</svg>
<figcaption class="muted">In the world. Outlines: Natural Earth.</figcaption></figure>
${
  hasTiles(settings)
    ? tiles(position, settings)
    : html`<figure><svg class="map" viewBox="${left} ${top} 60 40" role="img" aria-label="Part of the map around ${inWords(position)}">${outlines(position, 1)}</svg>
<figcaption class="muted">Around it: 60 by 40 degrees.</figcaption></figure>`
}
</div>`
}

/** What a page with {@link placeMap} must be allowed to load. */
export function mapImages(settings: MapSettings): Pick<Allowances, 'images'> {
  return hasTiles(settings) ? { images: [new URL(settings.mapTilesUrl).origin] } : {}
}

/** `52.52° north, 13.4° east` */
export function inWords({ latitude, longitude }: Position): string {
  const degrees = (value: number, positive: string, negative: string) =>
    `${Math.abs(Number(value.toFixed(5)))}° ${value < 0 ? negative : positive}`
  return `${degrees(latitude, 'north', 'south')}, ${degrees(longitude, 'east', 'west')}`
}

function outlines(position: Position, radius: number): Html {
  const { x, y } = onPicture(position)
  return html`<image href="${WORLD_PATH}" width="360" height="180"/><circle class="mark" cx="${x}" cy="${y}" r="${radius}"/>`
}

/** In the units of the picture, which are degrees, to ten metres. */
function onPicture({ latitude, longitude }: Position) {
  return { x: Number((longitude + 180).toFixed(4)), y: Number((90 - latitude).toFixed(4)) }
}

function tiles(position: Position, { mapTilesUrl, mapTilesAttribution }: MapSettings): Html {
  const { rows, x, y } = tilesAround(mapTilesUrl, position)
  // Servers of tiles ask for a referrer (the tile usage policy of OpenStreetMap).
  const picture = (url: string | undefined) =>
    url === undefined
      ? html`<span></span>`
      : html`<img src="${url}" alt="" width="256" height="256" referrerpolicy="strict-origin-when-cross-origin">`
  return html`<figure><div class="tile-map" role="img" aria-label="Map around ${inWords(position)}">${rows.map((row) => row.map(picture))}<svg viewBox="0 0 3 3" aria-hidden="true"><circle class="mark" cx="${x}" cy="${y}" r="0.05"/></svg></div>
<figcaption class="muted">${mapTilesAttribution}</figcaption></figure>`
}

/** Without its attribution nobody may show a map. */
function hasTiles({ mapTilesUrl, mapTilesAttribution }: MapSettings): boolean {
  return mapTilesUrl !== '' && mapTilesAttribution !== ''
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value))
}

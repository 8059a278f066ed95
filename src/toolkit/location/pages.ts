import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../../config.ts'
import type { Database } from '../../db/database.ts'
import { type Again, field, NoFields, postButton, refusalNote } from '../../html/forms.ts'
import { type Html, html } from '../../html/html.ts'
import { time } from '../../html/time.ts'
import { seeOther, showPage, type View } from '../../html/view.ts'
import { timestamp } from '../../http/timestamp.ts'
import { memberOf } from '../../sessions/authenticate.ts'
import { MemberId } from '../../users/member-path.ts'
import {
  BOUNDS,
  findLocation,
  getSharedLocation,
  LABEL_MAX_CODE_POINTS,
  type LocationRow,
  type PlaceRow,
  removeLocation,
  saveLocation,
} from './locations.ts'
import { inWords, mapImages, placeMap, WORLD_PATH } from './map.ts'
import { worldPicture } from './world.ts'

const page = 'location'
const PATH = '/app/toolkit/location'
const Digits = Type.String({ maxLength: 40 })

/** A member's place and those of friends, for people. */
export const locationPages: FastifyPluginAsyncTypebox<{ db: Database; config: Config }> = async (
  pages,
  { db, config },
) => {
  const again = async (state: Again, request: FastifyRequest) =>
    locationView(await findLocation(db, memberOf(request).id), state, config)

  pages.get(PATH, { config: { page }, onRequest: pages.requireSession }, async (request, reply) =>
    showPage(request, reply, await again({}, request)),
  )

  pages.post(
    PATH,
    {
      config: { page, form: again },
      schema: {
        body: Type.Object(
          {
            latitude: Digits,
            longitude: Digits,
            accuracy: Type.Optional(Digits),
            label: Type.Optional(Type.String({ maxLength: 4 * LABEL_MAX_CODE_POINTS })),
            // A box that is not ticked is not sent.
            shared: Type.Optional(Type.Literal('yes')),
          },
          { additionalProperties: false },
        ),
      },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const { latitude, longitude, accuracy = '', label = '', shared } = request.body
      await saveLocation(db, memberOf(request).id, {
        latitude: numberOf(latitude),
        longitude: numberOf(longitude),
        accuracy: accuracy.trim() === '' ? undefined : numberOf(accuracy),
        label: label.trim() === '' ? undefined : label,
        shared: shared !== undefined,
      })
      return seeOther(reply, PATH)
    },
  )

  pages.post(
    `${PATH}/forget`,
    { config: { page }, schema: { body: NoFields }, onRequest: pages.requireSession },
    async (request, reply) => {
      await removeLocation(db, memberOf(request).id)
      return seeOther(reply, PATH)
    },
  )

  pages.get(
    '/app/users/:id/location',
    {
      config: { page },
      schema: { params: Type.Object({ id: MemberId }) },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const row = await getSharedLocation(db, memberOf(request).id, request.params.id)
      return showPage(request, reply, {
        title: `Where ${row.name} is`,
        main: html`${placeMap(row, config)}${details(row)}
<p><a href="/app/users/${row.id}">${row.name}</a></p>`,
        allows: mapImages(config),
      })
    },
  )

  pages.get(
    WORLD_PATH,
    { config: { page: false, statuses: [200, 400, 429, 500, 503] } },
    async (_request, reply) =>
      reply
        .header('cache-control', 'public, max-age=86400')
        .type('image/svg+xml')
        .send(await worldPicture()),
  )
}

/** NaN for a text that is no number; the rule of the field refuses it. */
function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

function locationView(location: LocationRow | undefined, again: Again, config: Config): View {
  return {
    title: 'Your place',
    main: html`<p><a href="/app/toolkit">Toolkit</a></p>
${location === undefined ? html`<p>You have saved no place.</p>` : saved(location, config)}
<h2>${location === undefined ? 'Save your place' : 'Another place'}</h2>
${refusalNote(again, { label: 'Name of the place' })}
${form(location, again)}`,
    scripts: ['location.js'],
    allows: { geolocation: true, ...(location !== undefined && mapImages(config)) },
  }
}

function saved(location: LocationRow, config: Config): Html {
  return html`${placeMap(location, config)}${details(location)}
<div class="actions"><span class="tag">${location.shared === 1 ? 'Your friends see it' : 'Only you see it'}</span>
${postButton(`${PATH}/forget`, 'Forget this place', { style: 'danger' })}</div>`
}

function details({ label, latitude, longitude, accuracy, recorded_at }: PlaceRow): Html {
  return html`<p>${label !== null && html`<strong>${label}</strong><br>`}${inWords({ latitude, longitude })}${
    accuracy !== null && `, within ${Math.round(accuracy)} m`
  }<br><span class="muted">Saved on ${time(timestamp(recorded_at))}</span></p>`
}

function form(location: LocationRow | undefined, again: Again): Html {
  const degrees = (name: 'latitude' | 'longitude', label: string, hint: string) => {
    const { minimum, maximum } = BOUNDS[name]
    const attributes = html`min="${minimum}" max="${maximum}" step="any"`
    return field({ name, label, hint, type: 'number', value: location?.[name] ?? null, attributes }, again)
  }
  const isShared = again.typed === undefined ? location?.shared === 1 : again.typed.shared === 'yes'
  return html`<form method="post" action="${PATH}" class="card">
<p class="actions"><button type="button" class="quiet" id="find" hidden>Find my place</button> <span id="find-status" role="status"></span></p>
${degrees('latitude', 'Latitude', 'Degrees, north is positive.')}
${degrees('longitude', 'Longitude', 'Degrees, east is positive.')}
${field({ name: 'accuracy', label: 'Accuracy', hint: 'Metres.', type: 'number', value: location?.accuracy ?? null, attributes: html`min="0" max="${BOUNDS.accuracy.maximum}" step="any"`, isOptional: true }, again)}
${field({ name: 'label', label: 'Name of the place', value: location?.label ?? null, attributes: html`maxlength="${2 * LABEL_MAX_CODE_POINTS}"`, isOptional: true }, again)}
<label class="choice"><input type="checkbox" name="shared" value="yes" ${isShared && html`checked`}>My friends may see it</label>
<button>Save</button>
</form>`
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Database } from '../../db/database.ts'
import { type Again, field, hiddenFields, postButton, refusalNote } from '../../html/forms.ts'
import { type Html, html } from '../../html/html.ts'
import { FORM } from '../../html/pages.ts'
import { seeOther, showPage, type View } from '../../html/view.ts'
import { memberOf } from '../../sessions/authenticate.ts'
import { ADDRESS_MAX_CHARACTERS } from '../https-address.ts'
import { Title, titleField } from '../title.ts'
import { addEntry, changePlaylist, ENTRIES_MAX, type Entry, getPlaylist, type Playlist } from './playlist.ts'

const PATH = '/app/toolkit/playlist'
/** The version that the page showed: a form of an older page is refused, and shown again with the present list. */
const etag = Type.String({ maxLength: 100 })
const Index = Type.String({ pattern: '^[0-9]{1,2}$' })

/** A member's playlist, for people. */
export const playlistPages: FastifyPluginAsyncTypebox<{ db: Database }> = async (pages, { db }) => {
  const again = async (state: Again, request: FastifyRequest) =>
    playlistView(await getPlaylist(db, memberOf(request).id), state)
  const config = { page: 'playlist', form: again, statuses: [...FORM, 412] }

  pages.get(PATH, { config: { page: 'playlist' }, onRequest: pages.requireSession }, async (request, reply) =>
    showPage(request, reply, await again({}, request)),
  )

  pages.post(
    PATH,
    {
      config,
      schema: {
        body: Type.Object(
          { etag, title: Title, url: Type.String({ maxLength: ADDRESS_MAX_CHARACTERS }) },
          { additionalProperties: false },
        ),
      },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const { etag, title, url } = request.body
      await addEntry(db, memberOf(request).id, etag, { title, url })
      return seeOther(reply, PATH)
    },
  )

  pages.post(
    `${PATH}/move`,
    {
      config,
      schema: { body: Type.Object({ etag, from: Index, to: Index }, { additionalProperties: false }) },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const { etag, from, to } = request.body
      await changePlaylist(db, memberOf(request).id, etag, (entries) => {
        const others = entries.toSpliced(Number(from), 1)
        return others.toSpliced(Number(to), 0, ...entries.slice(Number(from), Number(from) + 1))
      })
      return seeOther(reply, PATH)
    },
  )

  pages.post(
    `${PATH}/remove`,
    {
      config,
      schema: { body: Type.Object({ etag, index: Index }, { additionalProperties: false }) },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const { etag, index } = request.body
      await changePlaylist(db, memberOf(request).id, etag, (entries) => entries.toSpliced(Number(index), 1))
      return seeOther(reply, PATH)
    },
  )
}

function playlistView({ entries, etag }: Playlist, again: Again): View {
  return {
    title: 'Playlist',
    main: html`<p><a href="/app/toolkit">Toolkit</a></p>
${refusalNote(again, { url: 'Address' })}
${
  entries.length === 0
    ? html`<p>Your playlist is empty.</p>`
    : html`<p class="muted">Nothing is loaded from another host before you play it.</p>
<ol class="rows playlist">${entries.map((entry, index) => row(entry, index, entries.length, etag))}</ol>`
}
<h2>Add a song</h2>
${
  entries.length < ENTRIES_MAX
    ? html`<form method="post" action="${PATH}" class="card">
${hiddenFields({ etag })}
${titleField(again)}
${field({ name: 'url', label: 'Address', type: 'url', hint: 'Of a sound that a browser plays, such as an .mp3 or .ogg file.', attributes: html`maxlength="${ADDRESS_MAX_CHARACTERS}" placeholder="https://"` }, again)}
<button>Add</button>
</form>`
    : html`<p>Your playlist has ${ENTRIES_MAX} entries, which is the most; remove one first.</p>`
}`,
    scripts: ['playlist.js'],
    // A hundred hosts would make the header too long, and hosts of sound send browsers on to their stores.
    allows: { media: ['https:'] },
  }
}

function row({ title, url }: Entry, index: number, length: number, etag: string): Html {
  const move = (text: string, to: number) =>
    postButton(`${PATH}/move`, text, {
      label: `${text}: ${title}`,
      style: 'quiet',
      fields: { etag, from: index, to },
    })
  return html`<li><span class="grow">${title}</span>
<audio controls preload="none" src="${url}" aria-label="${title}"></audio>
<div class="actions">${index > 0 && move('Up', index - 1)}${index < length - 1 && move('Down', index + 1)}${postButton(`${PATH}/remove`, 'Remove', { label: `Remove: ${title}`, style: 'danger', fields: { etag, index } })}</div></li>`
}

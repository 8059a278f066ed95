import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Database } from '../../db/database.ts'
import { type Again, field, NoFields, postButton, refusalNote } from '../../html/forms.ts'
import { type Html, html } from '../../html/html.ts'
import { seeOther, showPage, type View } from '../../html/view.ts'
import { memberOf } from '../../sessions/authenticate.ts'
import { ADDRESS_MAX_CHARACTERS } from '../https-address.ts'
import { Title, titleField } from '../title.ts'
import { embedAddress } from './video-address.ts'
import { VideoId } from './video-id.ts'
import {
  addVideo,
  changeVideo,
  getVideo,
  listVideos,
  removeVideo,
  VIDEOS_MAX,
  type VideoRow,
} from './videos.ts'

const page = 'videos'
const LIST = '/app/toolkit/videos'
const params = Type.Object({ id: VideoId })

/** A member's videos, for people: the list loads nothing from another host, and a page of its own plays one. */
export const videoPages: FastifyPluginAsyncTypebox<{ db: Database }> = async (pages, { db }) => {
  const listAgain = async (again: Again, request: FastifyRequest) =>
    listView(await listVideos(db, memberOf(request).id), again)

  async function oneAgain(again: Again, request: FastifyRequest): Promise<View> {
    const { id } = request.params as { id: number }
    return videoView(await getVideo(db, memberOf(request).id, id), again)
  }

  pages.get(LIST, { config: { page }, onRequest: pages.requireSession }, async (request, reply) =>
    showPage(request, reply, await listAgain({}, request)),
  )

  pages.post(
    LIST,
    {
      config: { page, form: listAgain },
      schema: {
        body: Type.Object(
          { title: Title, url: Type.String({ maxLength: ADDRESS_MAX_CHARACTERS }) },
          { additionalProperties: false },
        ),
      },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      await addVideo(db, memberOf(request).id, request.body)
      return seeOther(reply, LIST)
    },
  )

  pages.get(
    `${LIST}/:id`,
    { config: { page }, schema: { params }, onRequest: pages.requireSession },
    async (request, reply) => showPage(request, reply, await oneAgain({}, request)),
  )

  pages.post(
    `${LIST}/:id`,
    {
      config: { page, form: oneAgain },
      schema: { params, body: Type.Object({ title: Title }, { additionalProperties: false }) },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const { id } = await changeVideo(db, memberOf(request).id, request.params.id, request.body)
      return seeOther(reply, `${LIST}/${id}`)
    },
  )

  pages.post(
    `${LIST}/:id/move`,
    {
      config: { page },
      schema: {
        params,
        body: Type.Object(
          { to: Type.String({ pattern: '^[1-9][0-9]{0,2}$' }) },
          { additionalProperties: false },
        ),
      },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      await changeVideo(db, memberOf(request).id, request.params.id, { position: Number(request.body.to) })
      return seeOther(reply, LIST)
    },
  )

  pages.post(
    `${LIST}/:id/remove`,
    { config: { page }, schema: { params, body: NoFields }, onRequest: pages.requireSession },
    async (request, reply) => {
      await removeVideo(db, memberOf(request).id, request.params.id)
      return seeOther(reply, LIST)
    },
  )
}

const PROVIDERS = { youtube: 'YouTube', vimeo: 'Vimeo', file: 'File' } as const

function listView(videos: readonly VideoRow[], again: Again): View {
  return {
    title: 'Videos',
    main: html`<p><a href="/app/toolkit">Toolkit</a></p>
${
  videos.length === 0
    ? html`<p>You have saved no video yet.</p>`
    : html`<p class="muted">Nothing is loaded from another host before you open a video.</p>
<ol class="rows">${videos.map((video) => row(video, videos.length))}</ol>`
}
<h2>Save a video</h2>
${refusalNote(again, { url: 'Address' })}
${
  videos.length < VIDEOS_MAX
    ? html`<form method="post" action="${LIST}" class="card">
${titleField(again)}
${field({ name: 'url', label: 'Address', type: 'url', hint: 'Of a video of YouTube or Vimeo, or of a file that ends with .mp4, .webm or .ogv.', attributes: html`maxlength="${ADDRESS_MAX_CHARACTERS}" placeholder="https://"` }, again)}
<button>Save</button>
</form>`
    : html`<p>You have ${VIDEOS_MAX} videos, which is the most; remove one first.</p>`
}`,
  }
}

function row({ id, title, provider, position }: VideoRow, last: number): Html {
  const move = (text: string, to: number) =>
    postButton(`${LIST}/${id}/move`, text, {
      label: `${text}: ${title}`,
      style: 'quiet',
      fields: { to },
    })
  return html`<li><span><a href="${LIST}/${id}">${title}</a> <span class="tag">${PROVIDERS[provider]}</span></span>
<div class="actions">${position > 1 && move('Up', position - 1)}${position < last && move('Down', position + 1)}${postButton(`${LIST}/${id}/remove`, 'Remove', { label: `Remove: ${title}`, style: 'danger' })}</div></li>`
}

function videoView(video: VideoRow, again: Again): View {
  const frame = embedAddress({ provider: video.provider, providerId: video.provider_id })
  return {
    title: video.title,
    main: html`<p><a href="${LIST}">Videos</a></p>
${frame === null ? player(video) : embedded(frame, video)}
<p>${frame === null ? 'The file is at' : 'Its own page is'} <a href="${video.url}" rel="noreferrer external">${video.url}</a>.</p>
<h2>Another title</h2>
${refusalNote(again, { url: 'Address' })}
<form method="post" action="${LIST}/${video.id}" class="card">
${titleField(again, video.title)}
<button>Change</button>
</form>`,
    allows:
      frame === null
        ? // Hosts of files send browsers on to their stores, and the policy would refuse those by their name.
          { media: ['https:'] }
        : { frames: [new URL(frame).origin] },
  }
}

/**
 * The frame may run its scripts with its own origin, which is never this one, and may not open windows or move this
 * page. YouTube plays nothing without a referrer ("error 153").
 */
function embedded(frame: string, { title }: VideoRow): Html {
  return html`<iframe class="video" src="${frame}" title="${title}" loading="lazy" referrerpolicy="strict-origin-when-cross-origin" sandbox="allow-scripts allow-same-origin allow-presentation" allow="fullscreen; encrypted-media; picture-in-picture"></iframe>`
}

function player({ url, title }: VideoRow): Html {
  return html`<video class="video" src="${url}" aria-label="${title}" controls preload="metadata"></video>`
}

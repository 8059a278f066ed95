import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { html } from '../html/html.ts'
import { showPage, type View } from '../html/view.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { locationPages } from './location/pages.ts'
import { playlistPages } from './playlist/pages.ts'
import { type ToolkitSummary, toolkitSummary } from './summary.ts'
import { videoPages } from './videos/pages.ts'

/** The toolkit, for people. */
export const toolkitPages: FastifyPluginAsyncTypebox<{ db: Database; config: Config }> = async (
  pages,
  { db, config },
) => {
  pages.get(
    '/app/toolkit',
    { config: { page: 'toolkit' }, onRequest: pages.requireSession },
    async (request, reply) =>
      showPage(request, reply, summaryView(await toolkitSummary(db, memberOf(request).id))),
  )
  await pages.register(videoPages, { db })
  await pages.register(playlistPages, { db })
  await pages.register(locationPages, { db, config })
}

function summaryView({ videos, entries, feeds, hasLocation, sharesLocation }: ToolkitSummary): View {
  return {
    title: 'Toolkit',
    main: html`<p class="lead">What you keep here is yours alone; only your place can be shared with your friends.</p>
<ul class="tiles">
<li><a href="/app/toolkit/videos">Videos</a><p>${counted(videos, 'video', 'videos')} in your order.</p></li>
<li><a href="/app/toolkit/playlist">Playlist</a><p>${counted(entries, 'song', 'songs')}, one after the other.</p></li>
<li><a href="/app/toolkit/location">Your place</a><p>${
      hasLocation ? `Saved; ${sharesLocation ? 'your friends see it' : 'only you see it'}.` : 'Not saved.'
    }</p></li>
<li><a href="/app/toolkit/news">News</a><p>${counted(feeds, 'feed', 'feeds')} that you follow.</p></li>
</ul>`,
  }
}

function counted(count: number, one: string, many: string): string {
  return count === 1 ? `1 ${one}` : `${count} ${many}`
}

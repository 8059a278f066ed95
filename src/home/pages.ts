import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { Type } from 'typebox'
import { html } from '../html/html.ts'
import { showPage, type View } from '../html/view.ts'

/** The start page for people. */
export const homePages: FastifyPluginAsyncTypebox = async (pages) => {
  pages.get(
    '/app',
    {
      config: { page: 'home' },
      schema: { querystring: Type.Object({ done: Type.Optional(Type.Literal('deleted')) }) },
      onRequest: pages.recogniseMember,
    },
    async (request, reply) => {
      const notice = request.query.done && 'Your account is deleted, with everything that belonged to it.'
      return showPage(request, reply, { ...homeView(request), notice })
    },
  )
}

/** Whether the client would rather read HTML than JSON (RFC 9110 §12.5.1): a browser, and not curl. */
export function prefersHtml(request: FastifyRequest): boolean {
  const { accept } = request.headers
  if (accept === undefined || !accept.includes('html')) return false
  return new Negotiator(request.raw).mediaType(['application/json', 'text/html']) === 'text/html'
}

export function homeView({ member }: FastifyRequest): View {
  const forDevelopers = html`<h2>For developers</h2>
<p>Everything here is also JSON: the <a href="/docs">API's pages</a> show each operation.</p>`
  if (member === null)
    return {
      title: 'A small community',
      main: html`<p class="lead">Find the others, make friends, vote in polls, and keep your videos, songs, places and news in one place.</p>
<p class="actions"><a class="button" href="/app/sign-up">Sign up</a> <a class="button quiet" href="/app/log-in">Log in</a></p>
${forDevelopers}`,
    }
  return {
    title: `Hello, ${member.name}`,
    main: html`<ul class="tiles">
<li><a href="/app/community">Community</a><p>Everybody who is here, newest first or by name.</p></li>
<li><a href="/app/friends">Friends</a><p>Your friends, requests and blocks.</p></li>
<li><a href="/app/polls">Polls</a><p>Vote, and see how the others voted.</p></li>
<li><a href="/app/toolkit">Toolkit</a><p>Your videos, playlist, place and news.</p></li>
</ul>
${forDevelopers}`,
  }
}

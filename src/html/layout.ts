import type { FastifyRequest } from 'fastify'
import { assetUrl } from './assets.ts'
import { postButton } from './forms.ts'
import { type Html, html } from './html.ts'
import type { View } from './view.ts'

/** The frame of every page: navigation, what happened just now, the page itself, and the foot. */
export function layout(request: FastifyRequest, { title, main, notice, scripts = [] }: View): Html {
  const { member } = request
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Rollcall</title>
<link rel="icon" href="${assetUrl('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${assetUrl('style.css')}">
${scripts.map((name) => html`<script src="${assetUrl(name)}" defer></script>`)}
</head>
<body>
<a class="skip" href="#main">Skip to the page</a>
<header class="top">
<a class="brand" href="/app">Rollcall</a>
<nav aria-label="Main">${member ? memberLinks(request, member) : strangerLinks(request)}</nav>
</header>
<main id="main" tabindex="-1">
${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
<h1>${title}</h1>
${main}
</main>
${foot(request)}
</body>
</html>
`
}

/** The queries of this page, the session's among them: all of them have ended when the frame is put around it. */
function foot(request: FastifyRequest): Html | undefined {
  const { queries, queryMs, traceUrl } = request.measured()
  if (queries === 0) return undefined
  const took = `${queries === 1 ? '1 query' : `${queries} queries`} took ${duration(queryMs)}`
  return html`<footer class="foot"><p>${took}${traceUrl && html` · <a href="${traceUrl}">see the trace</a>`}</p></footer>`
}

function duration(ms: number): string {
  return `${ms < 10 ? ms.toPrecision(2) : Math.round(ms)} ms`
}

const SECTIONS = [
  { href: '/app/community', text: 'Community' },
  { href: '/app/friends', text: 'Friends' },
  { href: '/app/polls', text: 'Polls' },
  { href: '/app/toolkit', text: 'Toolkit' },
]
const ADMINISTRATION = { href: '/app/admin', text: 'Administration' }

function memberLinks(request: FastifyRequest, member: NonNullable<FastifyRequest['member']>): Html {
  const sections = member.isAdministrator ? [...SECTIONS, ADMINISTRATION] : SECTIONS
  return html`<ul>${sections.map((section) => link(request, section))}</ul>
<ul class="own">${link(request, { href: '/app/account', text: member.name })}
<li>${postButton('/app/log-out', 'Log out', { style: 'quiet' })}</li></ul>`
}

function strangerLinks(request: FastifyRequest): Html {
  return html`<ul class="own">${link(request, { href: '/app/log-in', text: 'Log in' })}
${link(request, { href: '/app/sign-up', text: 'Sign up' })}</ul>`
}

function link(request: FastifyRequest, { href, text }: { href: string; text: string }): Html {
  const path = request.url.split('?', 1)[0] as string
  const isHere = path === href || path.startsWith(`${href}/`)
  return html`<li><a href="${href}" ${isHere && html`aria-current="${path === href ? 'page' : 'true'}"`}>${text}</a></li>`
}

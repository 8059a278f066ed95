import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Html } from './html.ts'
import { layout } from './layout.ts'

/** A page without its frame. */
export interface View {
  /** Its heading, also the title of the window. */
  readonly title: string
  readonly main: Html
  /** What the form before this page has done, in a sentence. */
  readonly notice?: string | undefined
  /** Names of script files below `src/html/assets`. */
  readonly scripts?: readonly string[]
  /** The exceptions of this page from the policy: everything else comes from this service. */
  readonly allows?: Allowances
}

export interface Allowances {
  /** Origins whose pages may be shown in a frame. */
  readonly frames?: readonly string[]
  /** Origins of sound and video, or `https:`. */
  readonly media?: readonly string[]
  /** Origins of pictures. */
  readonly images?: readonly string[]
  /** A script may ask the person for their place. */
  readonly geolocation?: boolean
}

/** Sends the page in its frame, for people; never kept by a cache, like every reply about members. */
export function showPage(
  request: FastifyRequest,
  reply: FastifyReply,
  view: View,
  status = 200,
): FastifyReply {
  return reply
    .code(status)
    .headers({
      'content-security-policy': contentPolicy(view),
      'permissions-policy': `geolocation=${view.allows?.geolocation ? '(self)' : '()'}`,
      // A form says where it was sent from; `no-referrer` would make its Origin `null` (Fetch, "Origin header").
      'referrer-policy': 'same-origin',
    })
    .type('text/html; charset=utf-8')
    .send(layout(request, view).markup)
}

/** After a form: the page that shows its result, so that a reload sends nothing again (RFC 9110 §15.4.4). */
export function seeOther(reply: FastifyReply, path: string): FastifyReply {
  return reply.redirect(path, 303)
}

/** Own scripts, styles and forms only, and nothing inline (CSP Level 3). */
function contentPolicy({ allows = {} }: View): string {
  const { frames = [], media = [], images = [] } = allows
  const directives = [
    ["default-src 'none'"],
    ["script-src 'self'"],
    ["style-src 'self'"],
    ["img-src 'self'", ...images],
    ["form-action 'self'"],
    ["base-uri 'none'"],
    ["frame-ancestors 'none'"],
    ...(frames.length > 0 ? [['frame-src', ...frames]] : []),
    ...(media.length > 0 ? [['media-src', ...media]] : []),
  ]
  return directives.map((parts) => parts.join(' ')).join('; ')
}

import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { PROBLEMS, Problem, refuse } from '../errors.ts'
import { registerAssets } from './assets.ts'
import type { Again } from './forms.ts'
import { html } from './html.ts'
import { seeOther, showPage, type View } from './view.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The form that leads to the route, with what was typed: shown again if the handler or a limit refuses it. */
    form?: (again: Again, request: FastifyRequest) => View | Promise<View>
  }
}

/** Statuses of a page: shown, sent to the log-in, not there, a parameter or a limit that refuses, a fault of ours. */
const PAGE = [200, 303, 400, 403, 404, 422, 429, 500, 503]
/** Statuses of a form: done, refused for what was typed or by whom, a limit, a fault of ours. */
export const FORM = [303, 400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503]

export const LOG_IN = '/app/log-in'

const PATH_MAX = 4096

/** Where pages may lead: a path of a page for people, and nothing that a browser takes for another host. */
function isOwnPath(path: string): boolean {
  if (path.length > PATH_MAX || !/^\/app(?:[/?][\w\-./?=&%~+]*)?$/.test(path)) return false
  // Segments with dots, or `%2e` for them, lead out of /app again.
  return URL.parse(path, 'http://own')?.pathname === path.split('?', 1)[0]
}

/** Query of a form with a page to go to afterwards. */
export const Next = Type.Object({ next: Type.Optional(Type.String({ maxLength: PATH_MAX })) })

/** Address of a form that leads to the page `next` afterwards; {@link nextOf} reads it. */
export function withNext(path: string, next: string | undefined): string {
  return next !== undefined && isOwnPath(next) ? `${path}?${new URLSearchParams({ next })}` : path
}

/** Where to go after a form; undefined if it does not say, or names anything but a page for people. */
export function nextOf(request: FastifyRequest): string | undefined {
  const { next } = request.query as { next?: unknown }
  return typeof next === 'string' && isOwnPath(next) ? next : undefined
}

/**
 * Prepares a scope for pages for people: form bodies, refusals as pages, log-in for strangers. A page counts one view
 * when it is shown, so a form that is answered with a redirect counts none.
 */
export async function preparePages(pages: FastifyInstance): Promise<void> {
  /** Addresses of forms; a form that was refused stays at its address. */
  const forms: RegExp[] = []
  pages.addHook('onRoute', (route) => {
    if (route.config?.form !== undefined)
      forms.push(new RegExp(`^${route.url.replaceAll(/:\w+/g, '[^/]+')}$`))
    route.config = { views: 'shown', statuses: route.method === 'POST' ? FORM : PAGE, ...route.config }
    route.schema = { ...route.schema, hide: true }
  })
  await pages.register(formbody)
  // Browsers send the line breaks of a text area as CRLF (HTML, "constructing the entry list").
  pages.addHook('preValidation', async function unifyLineBreaks({ body }) {
    if (typeof body !== 'object' || body === null) return
    const fields = body as Record<string, unknown>
    for (const [name, value] of Object.entries(fields))
      if (typeof value === 'string') fields[name] = value.replaceAll('\r\n', '\n')
  })
  pages.setErrorHandler(showRefusal)
  await registerAssets(pages)
  pages.get('/app/*', { config: { page: false, statuses: [303, 404] } }, async (request, reply) => {
    // The address of a form without a page of its own, opened anew: the page above has the form.
    const path = request.url.split('?', 1)[0] as string
    if (forms.some((form) => form.test(path))) return seeOther(reply, path.slice(0, path.lastIndexOf('/')))
    throw new Problem('not-found', 'There is nothing at this address.')
  })
}

async function showRefusal(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const problem = refuse(error, request)
  if (problem.code === 'unauthenticated') return askToLogIn(request, reply)
  const { form } = request.routeOptions.config
  const typed = (request.method === 'POST' ? request.body : request.query) as Again['typed']
  if (form === undefined || typed === undefined || problem.statusCode === 404)
    return sendRefusal(problem, request, reply)
  try {
    const view = await form({ typed, refusal: problem }, request)
    return showPage(request, reply.headers(problem.headers), view, problem.statusCode)
  } catch (reason) {
    // What the form is about may be gone.
    return sendRefusal(refuse(reason, request), request, reply)
  }
}

function sendRefusal(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return showPage(request, reply.headers(problem.headers), refusalView(problem, request), problem.statusCode)
}

/** Back to this page afterwards, unless it was a form: its fields are gone. */
function askToLogIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return seeOther(reply, withNext(LOG_IN, request.method === 'GET' ? request.url : undefined))
}

function refusalView(problem: Problem, request: FastifyRequest): View {
  const back = nextOf(request)
  return {
    title: PROBLEMS[problem.code].title,
    main: html`<p>${problem.message}</p>
<p>${back === undefined ? html`<a href="/app">To the start page</a>` : html`<a href="${back}">Back</a>`}</p>
<p class="muted">Trace <code>${request.traceId}</code></p>`,
  }
}

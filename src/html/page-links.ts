import type { FastifyRequest } from 'fastify'
import { type Html, html } from './html.ts'

interface PagedList {
  /** What it lists, such as `members`; told to those who hear the page. */
  of: string
  /** Name of its cursor in the query, which is also the id of its heading if the page has several lists. */
  cursor?: string
}

/** Links below a list, to its first and its next page; nothing if it has one page. */
export function pageLinks(
  request: FastifyRequest,
  nextCursor: string | null,
  { of, cursor = 'cursor' }: PagedList,
): Html | undefined {
  const [path, query] = request.url.split('?', 2) as [string, string?]
  const isLater = new URLSearchParams(query).has(cursor)
  if (!isLater && nextCursor === null) return undefined
  const href = (value: string | null) => {
    const parameters = new URLSearchParams(query)
    parameters.delete(cursor)
    if (value !== null) parameters.set(cursor, value)
    const search = parameters.size > 0 ? `?${parameters}` : ''
    return `${path}${search}${cursor === 'cursor' ? '' : `#${cursor}`}`
  }
  return html`<nav class="actions" aria-label="Pages of ${of}">
${isLater && html`<a class="button quiet" href="${href(null)}">First page</a>`}
${nextCursor !== null && html`<a class="button quiet" rel="next" href="${href(nextCursor)}">Next page</a>`}
</nav>`
}

import type { FastifyInstance } from 'fastify'
import findMyWay from 'find-my-way'
import { Problem } from '../errors.ts'
import { answerPreflight, isPreflight } from './cross-origin.ts'

/**
 * Answers requests that match no route: 405 with `Allow` if the path exists for other methods (RFC 9110 §15.5.6), 404
 * otherwise. Preflights of other origins are answered here too: 204. The framework's router has one tree for each method, so the paths are kept once more in a router of their
 * own; routes that answer 405 themselves would be counted as page views.
 */
export function registerUnmatched(app: FastifyInstance): void {
  const paths = findMyWay()
  const methodsOf = new Map<string, Set<string>>()

  app.addHook('onRoute', function rememberMethods(route) {
    let methods = methodsOf.get(route.url)
    if (!methods) {
      methods = new Set()
      methodsOf.set(route.url, methods)
      paths.on('GET', route.url, noop, methods)
    }
    for (const method of [route.method].flat()) methods.add(method)
  })

  app.setNotFoundHandler(function answerUnmatched(request, reply) {
    const path = (request.raw.url ?? '/').split('?', 1)[0] as string
    const methods: Set<string> | undefined = paths.find('GET', path)?.store
    if (methods && isPreflight(request, reply, methods)) return answerPreflight(reply, methods)
    // A route for files matches every path below it, with or without a file.
    if (!methods?.size || methods.has(request.method))
      throw new Problem('not-found', 'There is nothing at this path.')
    throw new Problem(
      'method-not-allowed',
      'This path does not have that method; Allow lists those it has.',
      {
        headers: { allow: [...methods].sort().join(', ') },
      },
    )
  })
}

function noop(): void {}

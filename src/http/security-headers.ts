import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/**
 * Header fields of every reply, whatever it says: what a browser may do with it (helmet's, OWASP Secure Headers), and
 * that no cache keeps it, because replies are about members (ASVS 5.0, 14.3.2). Pages under /docs set a policy of
 * their own.
 */
export function registerSecurityHeaders(app: FastifyInstance): void {
  // They are the same each time. Helmet as a hook builds them anew, and half of a trivial request would be that.
  const fields = { ...helmetFields(), 'cache-control': 'no-store' }
  app.addHook('onRequest', function setSecurityHeaders(_request, reply, done) {
    reply.headers(fields)
    done()
  })
}

function helmetFields(): Record<string, string> {
  const fields: Record<string, string> = {}
  const response = {
    setHeader: (name: string, value: string) => {
      fields[name.toLowerCase()] = value
    },
    // It takes away what another framework adds.
    removeHeader() {},
  }
  const setFields = helmet({
    // JSON only: nothing in a reply may load or run anything.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
      },
    },
  })
  setFields({} as IncomingMessage, response as unknown as ServerResponse, (error) => {
    if (error !== undefined) throw error
  })
  return fields
}

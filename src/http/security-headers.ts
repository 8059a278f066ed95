import type { FastifyInstance } from 'fastify'

/**
 * Header fields of every reply. Sources: OWASP's REST Security Cheat Sheet and Secure Headers Project; the other fields
 * are documented defaults of helmet 8. Pages under /docs set a policy of their own.
 */
const FIELDS = {
  // Replies are about members: no cache keeps them (ASVS 5.0, 14.3.2).
  'cache-control': 'no-store',
  // JSON only: nothing in a reply may load or run anything, or be shown in a frame (CSP Level 3).
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  // No other site shares a process or a window with it (the HTML and Fetch standards).
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  // Addresses may hold a cursor or a name (Referrer Policy).
  'referrer-policy': 'no-referrer',
  // The content type is binding (Fetch).
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  // Of Internet Explorer, of Adobe's readers, and of a filter that did harm: all switched off.
  'x-download-options': 'noopen',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
  // The same as `frame-ancestors`, for older browsers.
  'x-frame-options': 'DENY',
} as const

/** A browser ignores the field over plain HTTP, and a server must not send it there (RFC 6797 §7.2 and §8.1). */
const FIELDS_OVER_TLS = {
  ...FIELDS,
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
} as const

/** Sets the fields before any other hook of the request can answer. */
export function registerSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', function setSecurityHeaders(request, reply, done) {
    // Behind a trusted proxy, the proxy's word counts.
    reply.headers(request.protocol === 'https' ? FIELDS_OVER_TLS : FIELDS)
    done()
  })
}

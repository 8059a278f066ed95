import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { HttpError } from './http-error.ts'

/**
 * Keeps other sites' pages out: received data may be secret, and a page of another site can make its visitor's browser
 * ask here. Throws an {@link HttpError} with 403.
 *
 * A stranger's name may lead to 127.0.0.1 (DNS rebinding), and the browser then takes the stranger's page for ours. So the
 * name in `Host` counts. An address cannot be rebound.
 */
export function refuseForeign(request: IncomingMessage, ownHost: string, isPage: boolean): void {
  const { host = '', origin } = request.headers
  if (!isOwnName(nameOf(host), ownHost))
    throw new HttpError(
      403,
      `The host ${JSON.stringify(host.slice(0, 100))} is not this viewer's; use its address, or give the name with --host.`,
    )
  if (origin !== undefined && !isSameHost(origin, host))
    throw new HttpError(403, "Other sites' pages are not answered.")
  const site = request.headers['sec-fetch-site']
  const isNavigation = isPage && request.headers['sec-fetch-mode'] === 'navigate'
  if ((site === 'cross-site' || site === 'same-site') && !isNavigation)
    throw new HttpError(403, "Other sites' pages are not answered.")
}

function nameOf(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase()
}

function isOwnName(name: string, ownHost: string): boolean {
  const isAddress = isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
  return isAddress || name === 'localhost' || name.endsWith('.localhost') || name === ownHost.toLowerCase()
}

function isSameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
}

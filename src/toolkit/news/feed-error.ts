/** Why a feed could not be fetched. Nothing of the other side's words is in it. */
export const FEED_ERRORS = {
  'no-public-address': 'The host has no public address.',
  'port-refused': 'Only the ports 80 and 443 are asked.',
  unreachable: 'The host could not be reached, or broke the connection off.',
  timeout: 'The host did not answer in time.',
  'too-large': 'The feed is larger than this service reads.',
  'too-many-redirects': 'The address redirects too often.',
  'bad-redirect': 'The address redirects to something that is no web address.',
  denied: 'The host does not give this feed to everybody.',
  'not-found': 'The host has nothing at this address.',
  'bad-status': 'The host could not answer; this feed is asked for again later.',
  unreadable: 'The answer is no feed that this service can read.',
  busy: 'Too many feeds are being fetched; this one is asked for again soon.',
} as const

export type FeedErrorCode = keyof typeof FEED_ERRORS

export class FeedError extends Error {
  readonly code: FeedErrorCode
  /** When the host wants to be asked again: milliseconds since the Unix epoch. */
  readonly retryAt: number | undefined

  constructor(
    code: FeedErrorCode,
    { cause, retryAt }: { cause?: unknown; retryAt?: number | undefined } = {},
  ) {
    super(FEED_ERRORS[code], { cause })
    this.code = code
    this.retryAt = retryAt
  }
}

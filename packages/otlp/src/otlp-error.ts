/**
 * A mistake of the sender, with the status of the answer: 400 malformed, 413 over a limit, 415 an unknown encoding. A
 * sender must not retry any of them (opentelemetry-proto, docs/specification.md, Failures).
 */
export class OtlpError extends Error {
  override readonly name = 'OtlpError'
  readonly status: 400 | 413 | 415

  constructor(status: 400 | 413 | 415, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** The bytes or the JSON do not fit the message's type. */
export function malformed(message: string, cause?: unknown): OtlpError {
  return new OtlpError(400, message, cause === undefined ? {} : { cause })
}

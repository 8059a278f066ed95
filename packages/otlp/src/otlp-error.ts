/**
 * What a sender did wrong, with the status that OTLP/HTTP answers it with: 400 malformed, 413 over a limit, 415 an
 * encoding that is not read here. None of them may be retried (opentelemetry-proto, docs/specification.md, Failures).
 */
export class OtlpError extends Error {
  override readonly name = 'OtlpError'
  readonly status: 400 | 413 | 415

  constructor(status: 400 | 413 | 415, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** The bytes or the JSON are not what the message says they are. */
export function malformed(message: string, cause?: unknown): OtlpError {
  return new OtlpError(400, message, cause === undefined ? {} : { cause })
}

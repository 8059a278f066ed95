/** The limits of one export request. A request over any of them is refused whole, with 413. */
export interface OtlpLimits {
  /** Bytes of the body as sent. */
  readonly maxBodyBytes: number
  /** Bytes of the body after decompression. */
  readonly maxDecodedBytes: number
  /** Levels of messages within messages, or of brackets within brackets in JSON. */
  readonly maxDepth: number
  /**
   * Messages and repeated values of all kinds together. This bounds the memory of a decoded body: an empty message takes
   * two bytes on the wire and a few hundred as an object. JSON needs more brackets and commas, so it may have four times
   * this number of them.
   */
  readonly maxElements: number
}

/** The specification recommends 64 MiB for the body. A service of this size never sends a tenth of these limits. */
export const DEFAULT_LIMITS: OtlpLimits = {
  maxBodyBytes: 16 * 1024 * 1024,
  maxDecodedBytes: 16 * 1024 * 1024,
  maxDepth: 128,
  maxElements: 500_000,
}

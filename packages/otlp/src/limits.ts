/** What one export request may cost. All are hard: whatever goes over is refused whole, with 413. */
export interface OtlpLimits {
  /** Of the body as it is sent. */
  readonly maxBodyBytes: number
  /** Of the body after decompression. */
  readonly maxDecodedBytes: number
  /** Levels of messages within messages, or of brackets within brackets in JSON. */
  readonly maxDepth: number
  /**
   * Messages and repeated values of all kinds together, which bounds the memory that a body becomes: an empty message
   * takes two bytes on the wire and a few hundred as an object. JSON, which says the same with more brackets and commas,
   * may have four times as many of these.
   */
  readonly maxElements: number
}

/** The specification recommends 64 MiB for the body; a service of this size never sends a tenth of what is here. */
export const DEFAULT_LIMITS: OtlpLimits = {
  maxBodyBytes: 16 * 1024 * 1024,
  maxDecodedBytes: 16 * 1024 * 1024,
  maxDepth: 128,
  maxElements: 500_000,
}

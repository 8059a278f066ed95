/**
 * The `ot` member of tracestate, with the probability at which a trace was kept (OpenTelemetry specification,
 * trace/tracestate-probability-sampling.md, OTEP 235): `th` is the rejection threshold, `rv` explicit randomness, both
 * up to 56 bits in hexadecimal.
 */
export interface SamplingState {
  readonly threshold: bigint | undefined
  readonly randomness: bigint | undefined
  /** Members of others, unchanged. */
  readonly others: readonly string[]
}

const BITS_56 = 1n << 56n
/** 56 bits in hexadecimal. */
export const RANDOM_DIGITS = 14

export function parseSamplingState(text: string | undefined): SamplingState {
  const members = (text ?? '').split(';').filter((member) => member !== '')
  const memberOf = (key: string) =>
    members.find((member) => member.startsWith(`${key}:`))?.slice(key.length + 1)
  return {
    threshold: parseThreshold(memberOf('th')),
    randomness: parseRandomness(memberOf('rv')),
    others: members.filter((member) => !/^(th|rv):/.test(member)),
  }
}

/** Undefined if nothing is left to write. */
export function formatSamplingState({ threshold, randomness, others }: SamplingState): string | undefined {
  const members = [
    ...(threshold === undefined ? [] : [`th:${formatThreshold(threshold)}`]),
    ...(randomness === undefined ? [] : [`rv:${randomness.toString(16).padStart(RANDOM_DIGITS, '0')}`]),
    ...others,
  ]
  return members.length === 0 ? undefined : members.join(';')
}

/** The part of traces to reject, of 2^56: exact, because a probability is a multiple of 2^-56 or rounded to one. */
export function thresholdOf(probability: number): bigint {
  return BITS_56 - BigInt(Math.round(probability * 2 ** 56))
}

/** Trailing zeros are left out; 0 keeps everything. */
function formatThreshold(threshold: bigint): string {
  return threshold.toString(16).padStart(RANDOM_DIGITS, '0').replace(/0+$/, '') || '0'
}

function parseThreshold(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-f]{1,14}$/.test(text) ? BigInt(`0x${text.padEnd(14, '0')}`) : undefined
}

function parseRandomness(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-f]{14}$/.test(text) ? BigInt(`0x${text}`) : undefined
}

/** The last seven bytes of a trace id are random (W3C Trace Context level 2). */
export function randomnessOf(traceId: string): bigint {
  return BigInt(`0x${traceId.slice(-RANDOM_DIGITS)}`)
}

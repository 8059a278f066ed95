export interface Difference {
  readonly tags: string
  readonly happened: number
  readonly stored: number
}

/** One metric, tag set by tag set. */
export interface Comparison {
  readonly metric: string
  readonly happened: number
  readonly stored: number
  readonly tagSets: number
  /** Summed without their signs: a loss here and a surplus there do not make up for each other. */
  readonly difference: number
  /** What is stored beyond what was answered, and was asked for without an answer. */
  readonly ofUnknown: number
  readonly differing: readonly Difference[]
}

/** Requests whose outcome nobody knows: they may be stored or not, under a tag set that begins as they did. */
export interface Allowance {
  /** How many, by group. */
  readonly unknown: ReadonlyMap<string, number>
  readonly groupOf: (tags: string) => string
}

const NONE: Allowance = { unknown: new Map(), groupOf: (tags) => tags }

/** A missing value is always a difference; a surplus is none as far as requests without an answer can explain it. */
export function compare(
  metric: string,
  happened: ReadonlyMap<string, number>,
  stored: Readonly<Record<string, number>>,
  { unknown, groupOf }: Allowance = NONE,
): Comparison {
  const tagSets = new Set([...happened.keys(), ...Object.keys(stored)])
  const left = new Map(unknown)
  const differing: Difference[] = []
  let difference = 0
  let ofUnknown = 0
  for (const tags of [...tagSets].sort()) {
    const row = { tags, happened: happened.get(tags) ?? 0, stored: stored[tags] ?? 0 }
    const surplus = row.stored - row.happened
    const group = groupOf(tags)
    const explained = Math.min(Math.max(surplus, 0), left.get(group) ?? 0)
    left.set(group, (left.get(group) ?? 0) - explained)
    ofUnknown += explained
    difference += Math.abs(surplus - explained)
    if (surplus !== explained) differing.push(row)
  }
  const all = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)
  return {
    metric,
    happened: all(happened.values()),
    stored: all(Object.values(stored)),
    tagSets: tagSets.size,
    difference,
    ofUnknown,
    differing,
  }
}

import { Problem } from '../errors.ts'

/** The result of a single field's parser: its value, or the defects of the text. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; detail: string }

export const refuse = (detail: string) => ({ ok: false, detail }) as const

type Values<P> = {
  [K in keyof P]: P[K] extends Parsed<infer T> | undefined ? T | Extract<P[K], undefined> : never
}

/** The values of a body's fields, or one `invalid` (422) that names every defective field. */
export function requireParsed<const P extends Record<string, Parsed<unknown> | undefined>>(
  fields: P,
): Values<P> {
  const entries = Object.entries(fields)
  const errors = entries.flatMap(([field, parsed]) =>
    parsed && !parsed.ok ? [{ pointer: `#/${field}`, detail: parsed.detail }] : [],
  )
  if (errors.length > 0) throw new Problem('invalid', 'The body breaks a rule.', { errors })
  return Object.fromEntries(
    entries.map(([field, parsed]) => [field, parsed?.ok ? parsed.value : undefined]),
  ) as Values<P>
}

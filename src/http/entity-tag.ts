/** The entity tag of one version (RFC 9110 §8.8.3), such as `"7.3"`. */
export function entityTag(...parts: number[]): string {
  return `"${parts.join('.')}"`
}

/** Whether `If-Match` lets a change through (RFC 9110 §13.1.1): a weak tag never does. */
export function ifMatchHolds(field: string, tag: string): boolean {
  return field.trim() === '*' || tagsOf(field).includes(tag)
}

/** Whether `If-None-Match` says that the client has this version (RFC 9110 §13.1.2). */
export function isKnownBy(field: string | undefined, tag: string): boolean {
  if (field === undefined) return false
  return field.trim() === '*' || tagsOf(field).some((known) => known.replace(/^W\//, '') === tag)
}

function tagsOf(field: string): string[] {
  return field.match(/(?:W\/)?"[^"]*"/g) ?? []
}

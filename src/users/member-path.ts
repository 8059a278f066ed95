import { Type } from 'typebox'
import { Problem } from '../errors.ts'

/** A member's id as a part of a path. */
export const MemberId = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Id of a member',
})

/**
 * The one refusal for a member who does not exist and for one whom a block hides: two texts would tell the blocked
 * who blocks them.
 */
export function unknownMember(): Problem {
  return new Problem('not-found', 'No member has this id.')
}

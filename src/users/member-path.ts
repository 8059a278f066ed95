import { Type } from 'typebox'
import { Problem } from '../errors.ts'

/** A member's id as a part of a path. */
export const MemberId = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Id of a member',
})

/**
 * The one refusal for an unknown member and for one behind a block: two texts would tell blocked members who
 * blocks them.
 */
export function unknownMember(): Problem {
  return new Problem('not-found', 'No member has this id.')
}

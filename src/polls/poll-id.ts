import { Type } from 'typebox'

export const PollId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

export const byPollId = Type.Object({ id: PollId })

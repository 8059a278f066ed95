import { Type } from 'typebox'

/** A video's id as a part of a path. */
export const VideoId = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Id of a video of your own',
})

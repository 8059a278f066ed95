/** Loaded before the service (`--import`): collects garbage in each way that V8 has, when asked by message. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: (options: { type: 'minor' | 'major' }) => void = runInNewContext('gc')

process.on('message', () => {
  collect({ type: 'minor' })
  collect({ type: 'major' })
  setFlagsFromString('--stress-incremental-marking')
  const kept = Array.from({ length: 200_000 }, (_, index) => ({ index, list: [index] }))
  setFlagsFromString('--no-stress-incremental-marking')
  process.send?.({ kept: kept.length })
})
// Only an ear: the channel must not keep the service alive when it stops.
process.channel?.unref()

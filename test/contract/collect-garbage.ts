/** Loaded before the service (`--import`): collects garbage in each way that V8 has, when SIGWINCH comes. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: (options: { type: 'minor' | 'major' }) => void = runInNewContext('gc')

// A signal that nobody else listens to, and that ends nothing.
process.on('SIGWINCH', () => {
  collect({ type: 'minor' })
  collect({ type: 'major' })
  setFlagsFromString('--stress-incremental-marking')
  Array.from({ length: 200_000 }, (_, index) => ({ index, list: [index] }))
  setFlagsFromString('--no-stress-incremental-marking')
})

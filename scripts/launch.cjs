// Flags and environment of the programs' Node. Measured, see docs/performance.md.
'use strict'
var path = require('path')

// The compiled form of the modules, TypeScript's types stripped: without it the start takes twice as long. Kept among
// the modules, where no other program writes; Node compares it with the files.
var compileCache = path.join(__dirname, '..', 'node_modules', '.cache', 'node')

// Otherwise, the GNU C library keeps the 19 MiB of each password hash at once for the next one.
var mmapThreshold = String(1024 * 1024)

// Requests leave next to no garbage behind, so a small young generation costs about six per cent of a page's time, and
// saves 50 MB of memory (docs/decisions/0016).
var serviceFlags = ['--max-semi-space-size=4']

exports.flagsOf = function flagsOf(file) {
  return path.basename(file) === 'server.ts' ? serviceFlags : []
}

exports.environment = function environment(env) {
  var own = { NODE_COMPILE_CACHE: compileCache, MALLOC_MMAP_THRESHOLD_: mmapThreshold }
  return Object.assign(own, env)
}

// How the programs are started: flags and environment of their Node. Measured, see docs/performance.md.
'use strict'
var path = require('path')

// The compiled form of what is loaded, TypeScript stripped of its types included: half of the start without it. Among
// the modules, where nobody else writes; Node compares it with the files.
var compileCache = path.join(__dirname, '..', 'node_modules', '.cache', 'node')

// The GNU C library otherwise keeps the 19 MiB of each password hash at once for the next one.
var mmapThreshold = String(1024 * 1024)

// Requests leave next to nothing behind, so that a small young generation costs some six per cent of a page's time, and
// saves 50 MB of memory (docs/decisions/0016).
var serviceFlags = ['--max-semi-space-size=4']

exports.flagsOf = function flagsOf(file) {
  return path.basename(file) === 'server.ts' ? serviceFlags : []
}

exports.environment = function environment(env) {
  var own = { NODE_COMPILE_CACHE: compileCache, MALLOC_MMAP_THRESHOLD_: mmapThreshold }
  return Object.assign(own, env)
}

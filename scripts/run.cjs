// `node scripts/run.cjs FILE [ARG ...]`: installs what is missing, then runs the file on the Node that npm brought.
// The shell that npm starts looks `node` up once: after the first installation it would still find the machine's own.
'use strict'
var childProcess = require('child_process')
var path = require('path')
var tty = require('tty')
var tools = require('./install.cjs')
var launch = require('./launch.cjs')

var parent = process.ppid
tools.install(false)
tools.checkNode()
var file = path.resolve(process.argv[2])
var node = tools.nodeBinary()

// A terminal that closes takes the others away, and sends SIGHUP to each of us: no second signal must follow, because
// that one would end the service at once.
var terminals = [0, 1, 2].filter((stream) => tty.isatty(stream))
function isTerminalGone() {
  return terminals.length > 0 && !terminals.some((stream) => tty.isatty(stream))
}

// npm passes a signal on to its shell, which dies of it and leaves us behind.
if (process.env.npm_lifecycle_event && process.platform !== 'win32') {
  var watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    if (!isTerminalGone()) process.kill(process.pid, 'SIGTERM')
  }, 500)
  watch.unref()
}

var child = childProcess.spawn(node, launch.flagsOf(file).concat(file, process.argv.slice(3)), {
  stdio: 'inherit',
  env: launch.environment(process.env),
})
// A terminal sends its interrupt to both of us, so that one is the child's own matter.
process.on('SIGINT', () => {})
;['SIGTERM', 'SIGHUP'].forEach((signal) => {
  process.on(signal, () => {
    if (signal !== 'SIGHUP' || !isTerminalGone()) child.kill(signal)
  })
})
child.on('error', (error) => {
  process.stderr.write('Node could not be started (' + error.code + '); delete node_modules and try again.\n')
  process.exit(1)
})
child.on('exit', (code, signal) => {
  process.exit(signal ? 1 : code)
})

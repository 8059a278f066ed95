// `node scripts/run.cjs [--dev] FILE [ARG ...]`: installs missing packages, with --dev also those for development, then
// runs the file on the Node that npm brought. The shell that npm starts looks `node` up once: after the first
// installation it would still find the machine's own.
'use strict'
var childProcess = require('child_process')
var fs = require('fs')
var path = require('path')
var tty = require('tty')
var tools = require('./install.cjs')
var launch = require('./launch.cjs')

var parent = process.ppid
var args = process.argv.slice(2)
var withDev = args[0] === '--dev'
if (withDev) args.shift()
var script = args.shift()

// Help never installs. Before the installation, it comes from docs/commands.md, which `npm run docs` writes.
function helpOf(script) {
  var page = fs.readFileSync(path.join(__dirname, '..', 'docs', 'commands.md'), 'utf8')
  var start = '<!-- ' + script + ' -->\n```text\n'
  var at = page.indexOf(start)
  return at < 0 ? undefined : page.slice(at + start.length, page.indexOf('```', at + start.length))
}
if (args.some((arg) => arg === '--help' || arg === '-h') && !tools.isInstalled(withDev)) {
  var help = helpOf(script)
  if (help !== undefined) {
    process.stdout.write(help)
    process.exit(0)
  }
}

tools.install(withDev)
tools.checkNode()
var file = path.resolve(script)
var node = tools.nodeBinary()

// A closing terminal ends the other processes, and sends SIGHUP to each of us: no second signal may follow, because it
// would end the service at once.
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

var child = childProcess.spawn(node, launch.flagsOf(file).concat(file, args), {
  stdio: 'inherit',
  env: launch.environment(process.env),
})
// A terminal sends its interrupt to both of us, so the child handles its own.
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

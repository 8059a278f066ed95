// Installs exactly package-lock.json: `node scripts/install.cjs [--dev]`. npm scripts begin with it; a `prestart` would
// be skipped if npm is told to ignore scripts, as careful people do. Any Node may run it, so it is plain old JavaScript
// without dependencies.
'use strict'
var childProcess = require('child_process')
var crypto = require('crypto')
var fs = require('fs')
var path = require('path')

var root = path.join(__dirname, '..')
var modules = path.join(root, 'node_modules')
var stampFile = path.join(modules, '.rollcall-installed')
var NEEDED_NODE = [24, 12]

function fail(sentence) {
  process.stderr.write(sentence + '\n')
  process.exit(1)
}

function lockHash() {
  return crypto
    .createHash('sha256')
    .update(fs.readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex')
}

function isInstalled(withDev) {
  var stamp
  try {
    stamp = fs.readFileSync(stampFile, 'utf8').split('\n')
  } catch (_) {
    return false
  }
  // The Node that was used for the installation must still exist.
  return (
    stamp[0] === lockHash() && (stamp[1] === 'dev' || !withDev) && fs.existsSync(stamp[2] || nodeBinary())
  )
}

function bring(withDev) {
  process.stderr.write('Installing the packages of package-lock.json; this happens once.\n')
  var args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  if (!withDev) args.push('--omit=dev')
  // npm names its own path to its scripts; without npm, it is found on the PATH.
  var npm = process.env.npm_execpath
  var options = { cwd: root, stdio: ['ignore', 2, 2] }
  var result =
    npm && /\.c?js$/.test(npm)
      ? childProcess.spawnSync(process.execPath, [npm].concat(args), options)
      : childProcess.spawnSync('npm', args, Object.assign({ shell: process.platform === 'win32' }, options))
  if (result.error || result.status !== 0)
    fail(
      'The installation failed; check that the npm registry can be reached, that this folder can be written and has room, and that npm is version 7 or newer, then try again.',
    )
}

// tap links its plugins into its own runner once; without this its first run fails.
function buildTestRunner() {
  var tap = path.join(modules, 'tap', 'dist', 'esm', 'run.mjs')
  var result = childProcess.spawnSync(nodeBinary(), [tap, 'build'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 2],
  })
  if (result.error || result.status !== 0)
    fail('The test runner could not be prepared; delete node_modules and try again.')
}

/** The Node that npm brought, or the machine's if npm has none for this machine. */
function nodeBinary() {
  var platform = process.platform === 'win32' ? 'win' : process.platform
  var names = ['node-' + platform + '-' + process.arch, 'node-bin-' + platform + '-' + process.arch]
  for (var i = 0; i < names.length; i++) {
    var binary = path.join(modules, names[i], 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    if (fs.existsSync(binary)) return binary
  }
  return process.execPath
}

function checkNode() {
  var found = (
    childProcess.spawnSync(nodeBinary(), ['--version'], { encoding: 'utf8' }).stdout || 'none'
  ).trim()
  var version = /^v(\d+)\.(\d+)/.exec(found)
  var major = version ? Number(version[1]) : 0
  if (major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && Number(version[2]) >= NEEDED_NODE[1])) return
  fail(
    'This needs Node ' +
      NEEDED_NODE.join('.') +
      ' or newer and found ' +
      found +
      ', and npm has none for this machine: install one from https://nodejs.org and try again.',
  )
}

function install(wantsDev) {
  if (isInstalled(wantsDev)) return
  // A developer's installation is never reduced.
  var withDev = wantsDev || fs.existsSync(path.join(modules, 'tap'))
  bring(withDev)
  checkNode()
  if (withDev) buildTestRunner()
  fs.writeFileSync(stampFile, [lockHash(), withDev ? 'dev' : 'start', nodeBinary()].join('\n'))
}

module.exports = {
  checkNode: checkNode,
  install: install,
  isInstalled: isInstalled,
  nodeBinary: nodeBinary,
}

if (require.main === module) install(process.argv.indexOf('--dev') !== -1)

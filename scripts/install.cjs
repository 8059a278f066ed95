// Brings what package-lock.json names, exactly: `node scripts/install.cjs [--dev]`. Each npm script begins with it; a
// `prestart` would be skipped where npm is told to ignore scripts, as careful people do.
// Run by whatever Node the machine has, so it is plain old JavaScript without dependencies.
'use strict'
var childProcess = require('child_process')
var crypto = require('crypto')
var fs = require('fs')
var path = require('path')

var root = path.join(__dirname, '..')
var modules = path.join(root, 'node_modules')
var stampFile = path.join(modules, '.rollcall-installed')
var withDev = process.argv.indexOf('--dev') !== -1
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

function installed() {
  try {
    var stamp = fs.readFileSync(stampFile, 'utf8').split(' ')
    return stamp[0] === lockHash() && (stamp[1] === 'dev' || !withDev)
  } catch (_) {
    return false
  }
}

function install() {
  process.stderr.write('Installing what package-lock.json names; this happens once.\n')
  var args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  if (!withDev) args.push('--omit=dev')
  // npm tells its scripts where it is; started by hand, it is on the PATH.
  var npm = process.env.npm_execpath
  var result =
    npm && /\.c?js$/.test(npm)
      ? childProcess.spawnSync(process.execPath, [npm].concat(args), { cwd: root, stdio: ['ignore', 2, 2] })
      : childProcess.spawnSync('npm', args, {
          cwd: root,
          stdio: ['ignore', 2, 2],
          shell: process.platform === 'win32',
        })
  if (result.error || result.status !== 0)
    fail(
      'The installation failed; check that the npm registry can be reached and that npm is version 7 or newer, then try again.',
    )
}

// tap links its plugins into a runner of its own once; without this its first run fails.
function buildTestRunner() {
  var result = childProcess.spawnSync(
    nodeBinary(),
    [path.join(modules, 'tap', 'dist', 'esm', 'run.mjs'), 'build'],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 2],
    },
  )
  if (result.error || result.status !== 0)
    fail('The test runner could not be prepared; delete node_modules and try again.')
}

function nodeBinary() {
  var bundled = path.join(modules, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')
  return fs.existsSync(bundled) ? bundled : process.execPath
}

function checkNode() {
  var result = childProcess.spawnSync(nodeBinary(), ['--version'], {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  var version = /^v(\d+)\.(\d+)/.exec(result.stdout || '')
  var major = version ? Number(version[1]) : 0
  var minor = version ? Number(version[2]) : 0
  if (major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1])) return
  fail(
    'This needs Node ' +
      NEEDED_NODE.join('.') +
      ' or newer and found ' +
      (result.stdout || 'none').trim() +
      ', and npm has no Node for this machine: install one from https://nodejs.org and try again.',
  )
}

if (!installed()) {
  install()
  checkNode()
  if (withDev) buildTestRunner()
  fs.writeFileSync(stampFile, lockHash() + (withDev ? ' dev' : ' start'))
} else {
  checkNode()
}

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const FOLDER = import.meta.dirname
const PYTHON_FOLDER = join(FOLDER, '..', '..', 'data', 'test-senders', 'python')
const IS_WINDOWS = process.platform === 'win32'

/** PYTHON names another one. */
const PYTHON = process.env.PYTHON ?? (IS_WINDOWS ? 'python' : 'python3')
/** Version 3.10 is what the SDK asks for. */
const FITS = 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))'

/** For tap's `skip`: false where the Python sender can be installed, and otherwise why it is not tested. */
export const noPython: false | string =
  spawnSync(PYTHON, ['-c', FITS]).status !== 0 &&
  'there is no Python 3.10 with venv: install python3 and python3-venv, or name a Python in PYTHON'

export const python = join(PYTHON_FOLDER, ...(IS_WINDOWS ? ['Scripts', 'python.exe'] : ['bin', 'python']))

/** Brings what requirements.txt and package-lock.json name, each where it is missing. */
export async function installSenders(): Promise<void> {
  await Promise.all([
    onceFor(join(FOLDER, 'node_modules'), 'package-lock.json', () =>
      run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'),
    ),
    noPython === false && onceFor(PYTHON_FOLDER, 'requirements.txt', installPython),
  ])
}

async function installPython(): Promise<void> {
  rmSync(PYTHON_FOLDER, { recursive: true, force: true })
  mkdirSync(PYTHON_FOLDER, { recursive: true })
  await run(PYTHON, '-m', 'venv', PYTHON_FOLDER)
  const options = ['--quiet', '--disable-pip-version-check', '--no-input', '--require-hashes']
  await run(python, '-m', 'pip', 'install', ...options, '-r', 'requirements.txt')
}

/** Anew where what was installed is not of this list. */
async function onceFor(folder: string, list: string, install: () => Promise<void>): Promise<void> {
  const stamp = join(folder, `.${list}`)
  const wanted = readFileSync(join(FOLDER, list), 'utf8')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  await install()
  writeFileSync(stamp, wanted)
}

/** Rejects with what the program printed. */
async function run(program: string, ...args: string[]): Promise<void> {
  await promisify(execFile)(program, args, { cwd: FOLDER, shell: IS_WINDOWS })
}

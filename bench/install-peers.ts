import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError } from '../src/process/command.ts'

const PEERS = join(import.meta.dirname, 'peers')
const LOCK = join(PEERS, 'package-lock.json')
const STAMP = join(PEERS, 'node_modules', '.installed')

/** Installs the peers' packages, exactly those of their lockfile; once. */
export function installPeers(): void {
  const lock = readFileSync(LOCK, 'utf8')
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) return
  process.stderr.write('Installing the peers of bench/peers/package-lock.json; this happens once.\n')
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PEERS,
    stdio: ['ignore', 2, 2],
  })
  if (npm.status !== 0)
    throw new CommandError('The peers could not be installed; check that the npm registry can be reached.')
  writeFileSync(STAMP, lock)
}

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** Which process a folder belongs to. */
interface Owner {
  pid: number
  host: string
  /** When the process started, as the system tells; a pid is given again to others. */
  started: string
  token: string
}

const FILE = 'owner.json'

/** A process on another host cannot be asked whether it lives; it touches its file more often than this. */
const SILENT_MS = 120_000

/** Folders that this process owns: in a container every process has the same pid. */
const ours = new Set<string>()

export interface Ownership {
  /** To be called often: tells other hosts that this process lives. */
  beat(): Promise<void>
  release(): Promise<void>
}

/** Takes a folder that nobody owns who lives; undefined when somebody does. Throws where nothing can be written. */
export async function own(folder: string): Promise<Ownership | undefined> {
  const path = join(folder, FILE)
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    token: randomUUID(),
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await writeFile(path, JSON.stringify(owner), { flag: 'wx' })
      ours.add(owner.token)
      return {
        async beat() {
          const now = new Date()
          await utimes(path, now, now).catch(() => {})
        },
        async release() {
          ours.delete(owner.token)
          await unlink(path).catch(() => {})
        },
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (!(await evict(folder))) return undefined
  }
  return undefined
}

/** Whether nobody owns the folder (any more). An owner that died is evicted; of several that try, one succeeds. */
export async function evict(folder: string): Promise<boolean> {
  const path = join(folder, FILE)
  try {
    const owner: Partial<Owner> = JSON.parse(await readFile(path, 'utf8'))
    if (await lives(owner, path)) return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    // Half a file: its owner was killed while it wrote. One that is being written now is young.
    if (await isFresh(path)) return false
  }
  const evicted = `${path}.${randomUUID()}`
  try {
    await rename(path, evicted)
    await unlink(evicted)
    return true
  } catch {
    return false
  }
}

async function lives(owner: Partial<Owner>, path: string): Promise<boolean> {
  if (owner.token !== undefined && ours.has(owner.token)) return true
  if (owner.host !== hostname()) return isFresh(path)
  if (owner.pid === undefined || owner.pid === process.pid) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return startOf(owner.pid) === owner.started
}

async function isFresh(path: string): Promise<boolean> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }))
  return Date.now() - mtimeMs < SILENT_MS
}

/** Linux: start time in ticks since boot, the 22nd field of proc(5)'s stat. Elsewhere empty, and the pid decides. */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

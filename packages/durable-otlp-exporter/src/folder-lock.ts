import { existsSync } from 'node:fs'
import { mkdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFile } from './file-lock.ts'

export interface FolderLock {
  release(): void
  /** Releases it for good: its file goes too. */
  remove(): Promise<void>
}

/**
 * Makes a folder this process's own, until it is released or the process ends; undefined when somebody else has it.
 * Throws where nothing can be written. A file that names its owner would not do: it would have to be judged (is that
 * pid still the same process?) and taken away in two steps, between which another can come.
 */
export async function lockFolder(folder: string): Promise<FolderLock | undefined> {
  // Spans tell who asked for what: what is made here is for its owner only.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'lock')
  const release = lockFile(path)
  if (!release) return undefined
  if (!existsSync(path)) {
    // The process that had it before has just removed the folder, as one that nobody needs.
    release()
    return undefined
  }
  return {
    release,
    async remove() {
      await unlink(path).catch(() => {})
      release()
    },
  }
}

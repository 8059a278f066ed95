import { existsSync } from 'node:fs'
import { mkdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFile } from './file-lock.ts'

export interface FolderLock {
  release(): void
  /** Releases the lock for good, and removes its file. */
  remove(): Promise<void>
}

/**
 * Makes a folder this process's own, until it is released or the process ends. Undefined if another process has it.
 * Throws if the folder cannot be written. A file with its owner's pid is not enough: checking that pid and removing the
 * file are two steps, and another process can come between them.
 */
export async function lockFolder(folder: string): Promise<FolderLock | undefined> {
  // Spans hold private data: files in here are for their owner only.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'lock')
  const release = lockFile(path)
  if (!release) return undefined
  if (!existsSync(path)) {
    // The former owner has just removed the folder, because it was empty.
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

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGES = join(import.meta.dirname, '..', '..', 'packages')

/** The code of a package's README that begins with its file name as a comment, word for word. */
export function exampleOf(name: string, file: string): string {
  const readme = readFileSync(join(PACKAGES, name, 'README.md'), 'utf8')
  const [, code] = new RegExp(`^\`\`\`ts\n(// ${file}\n.*?)^\`\`\`$`, 'ms').exec(readme) ?? []
  if (code === undefined) throw new Error(`packages/${name}/README.md has no example ${file}.`)
  return code
}

import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * `npm pack` runs it in the folder of a package, before and after. In the repository a package is its TypeScript, and
 * nothing is built; but Node strips no types below node_modules, so the tarball needs JavaScript. `prepare` builds
 * `dist`, and points package.json at it while npm packs; `restore` undoes both.
 *
 * npm reads package.json and the list of files again after `prepack`, so that the tarball holds the result of
 * `prepare`. An interrupted npm runs no `postpack`: the next pack begins with `restore`.
 */

const ROOT = join(import.meta.dirname, '..')
const [step, folder = process.cwd()] = process.argv.slice(2)
const MANIFEST = join(folder, 'package.json')
const ORIGINAL = join(folder, 'package.json.original')
const LICENSE = join(folder, 'LICENSE')
const DIST = join(folder, 'dist')

if (step === 'restore') restore()
else if (step === 'prepare') {
  restore()
  try {
    build()
    copyFileSync(join(ROOT, 'LICENSE'), LICENSE)
    copyFileSync(MANIFEST, ORIGINAL)
    writeFileSync(MANIFEST, packed(readFileSync(MANIFEST, 'utf8')))
  } catch (error) {
    restore()
    process.stderr.write(`${(error as Error).message}\n`)
    process.exitCode = 1
  }
} else {
  process.stderr.write('Run npm pack in the folder of a package; it calls this with prepare and restore.\n')
  process.exitCode = 2
}

function restore(): void {
  if (existsSync(ORIGINAL)) copyFileSync(ORIGINAL, MANIFEST)
  for (const made of [ORIGINAL, LICENSE, DIST]) rmSync(made, { recursive: true, force: true })
}

/** JavaScript and declarations, and all other files beside them: the viewer's pages. */
function build(): void {
  const source = join(folder, 'src')
  cpSync(source, DIST, { recursive: true, filter: (file) => !file.endsWith('.ts') })
  const project = join(DIST, 'tsconfig.json')
  const compilerOptions = {
    noEmit: false,
    rootDir: source,
    outDir: DIST,
    declaration: true,
    rewriteRelativeImportExtensions: true,
  }
  writeFileSync(
    project,
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [`${source}/**/*.ts`] }),
  )
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', project], {
    encoding: 'utf8',
  })
  if (status !== 0)
    throw new Error(`The package was not built; mend the errors of the compiler:\n${stdout}${stderr}`)
  rmSync(project)
}

function packed(manifest: string): string {
  const { scripts: _, bin, ...rest } = JSON.parse(manifest)
  const exports = Object.entries(rest.exports as Record<string, string>).map(([name, file]) => [
    name,
    { types: built(file, '.d.ts'), default: built(file, '.js') },
  ])
  const programs = Object.entries((bin ?? {}) as Record<string, string>).map(([name, file]) => [
    name,
    built(file, '.js'),
  ])
  const fields = {
    ...rest,
    exports: Object.fromEntries(exports),
    types: built(rest.exports['.'], '.d.ts'),
    ...(bin && { bin: Object.fromEntries(programs) }),
  }
  return `${JSON.stringify(fields, null, 2)}\n`
}

function built(file: string, extension: string): string {
  return file.replace(/^\.\/src\/(.*)\.ts$/, `./dist/$1${extension}`)
}

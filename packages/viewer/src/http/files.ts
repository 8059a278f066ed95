import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defectsOf } from '../dashboards/check.ts'
import { HttpError } from './http-error.ts'

const TYPES = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.mjs', 'text/javascript; charset=utf-8'],
  ['.json', 'application/json; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.ico', 'image/x-icon'],
  ['.woff2', 'font/woff2'],
  ['.txt', 'text/plain; charset=utf-8'],
])

/** The one library of the pages, under paths without its version. */
const VENDORED = new Map([
  ['/vendor/uplot.js', fileURLToPath(import.meta.resolve('uplot/dist/uPlot.esm.js'))],
  ['/vendor/uplot.css', fileURLToPath(import.meta.resolve('uplot/dist/uPlot.min.css'))],
])

export interface ServedFile {
  readonly contentType: string
  readonly body: Buffer
  readonly etag: string
}

/** Read at each request, so an edit shows at the next load. Throws 404 for a missing file. */
export async function readServedFile(directory: string, path: string): Promise<ServedFile> {
  const name = path.endsWith('/') ? `${path}index.html` : extname(path) === '' ? `${path}.html` : path
  const contentType = TYPES.get(extname(name))
  // A dot at the beginning of a part is a hidden file or a step upwards.
  const isPlain = name
    .split('/')
    .slice(1)
    .every((part) => /^[\w-][\w.-]*$/.test(part))
  const file = VENDORED.get(path) ?? join(directory, name)
  const body = contentType && isPlain ? await readFile(file).catch(absent) : undefined
  if (contentType === undefined || body === undefined)
    throw new HttpError(404, `There is nothing at ${path.slice(0, 200)}.`)
  return {
    contentType,
    body,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  }
}

export interface DashboardEntry {
  readonly name: string
  readonly title: string
  readonly description: string
  /** Why the file is not a dashboard. */
  readonly problem: string | null
  /** Parts that are not drawn as at Datadog, and wrong queries. */
  readonly notes: readonly string[]
}

/** All `*.json` files, in the order of their names. None without a folder. */
export async function listDashboards(directory: string): Promise<DashboardEntry[]> {
  const files = (await readdir(directory).catch(absent)) ?? []
  const names = files
    .filter((file) => /^[\w-]+\.json$/.test(file))
    .map((file) => file.slice(0, -'.json'.length))
  return Promise.all(
    names.sort().map(async (name) => entryOf(name, await readFile(join(directory, `${name}.json`), 'utf8'))),
  )
}

function entryOf(name: string, text: string): DashboardEntry {
  try {
    const dashboard = JSON.parse(text)
    const { title, description, widgets } = dashboard ?? {}
    const isDashboard = typeof title === 'string' && Array.isArray(widgets)
    return {
      name,
      title: typeof title === 'string' ? title : name,
      description: String(description ?? ''),
      problem: isDashboard ? null : 'It has no title or no widgets.',
      notes: isDashboard ? defectsOf(dashboard) : [],
    }
  } catch (error) {
    const problem = `It is not JSON: ${(error as Error).message}`
    return { name, title: name, description: '', problem, notes: [] }
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'EISDIR' || error.code === 'ENOTDIR') return undefined
  throw error
}

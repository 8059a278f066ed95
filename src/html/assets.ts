import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

const FOLDER = join(import.meta.dirname, 'assets')
const PATH = '/app/assets/'

/** Statuses of a route for files: ranges, conditions, missing files (@fastify/send). */
const FILES = [200, 206, 304, 400, 404, 412, 416, 429, 500, 503]

/** Serves the stylesheet, scripts and pictures of the pages. */
export async function registerAssets(pages: FastifyInstance): Promise<void> {
  await pages.register(async (files) => {
    files.addHook('onRoute', (route) => {
      route.config = { ...route.config, page: false, statuses: FILES }
      route.schema = { ...route.schema, hide: true }
    })
    // Each address names its content, so that a browser may keep it for good.
    await files.register(fastifyStatic, {
      root: FOLDER,
      prefix: PATH,
      decorateReply: false,
      immutable: true,
      maxAge: '365d',
      index: false,
      // A folder is nothing that anybody asks for, and no fault of ours.
      allowedPath: (path) => !path.endsWith('/'),
    })
  })
}

const urls = new Map<string, string>()

/** Address of a file below `src/html/assets`; another content has another address. */
export function assetUrl(name: string): string {
  let url = urls.get(name)
  if (url === undefined) {
    const version = hash('sha256', readFileSync(join(FOLDER, name)), 'base64url').slice(0, 8)
    url = `${PATH}${name}?v=${version}`
    urls.set(name, url)
  }
  return url
}

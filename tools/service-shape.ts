import type { ServiceShape } from '@rollcall/fastify-route-telemetry'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { openDatabase } from '../src/db/database.ts'
import { unobserved } from '../src/db/observer.ts'
import { createLogger } from '../src/telemetry/logging.ts'
import { startTelemetry } from '../src/telemetry/start.ts'

/** The service's routes, read from the service itself over an empty database, without listening. */
export async function readServiceShape(): Promise<ServiceShape> {
  const db = openDatabase({ url: 'sqlite::memory:', busyTimeoutMs: 0, observer: unobserved })
  const telemetry = startTelemetry({
    env: { OTEL_SDK_DISABLED: 'true' },
    serviceVersion: '0.0.0',
    hostName: '',
    supportTag: '',
    instanceId: '',
  })
  const logger = createLogger({ level: 'silent', telemetry })
  const app = await buildApp({ config: readConfig({}), db, telemetry, logger, version: '0.0.0' })
  try {
    await app.ready()
    return { routes: app.routeShapes() }
  } finally {
    await app.close()
    await db.destroy()
  }
}

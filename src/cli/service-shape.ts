import { buildApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { unobserved } from '../db/observer.ts'
import { createLogger } from '../telemetry/logging.ts'
import type { ServiceShape } from '../telemetry/metric-definition.ts'
import { startTelemetry } from '../telemetry/start.ts'

/** The routes that the service has: asked of the service itself, over an empty database, listening to nothing. */
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

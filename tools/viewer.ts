import { join } from 'node:path'
import { runViewer } from '@rollcall/viewer/program'

await runViewer({
  name: 'npm run viewer --',
  dashboards: join(import.meta.dirname, '..', 'datadog', 'dashboards'),
})

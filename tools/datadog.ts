import { runSubcommand } from '../src/process/command.ts'
import { VARIABLES } from './datadog/api.ts'
import { event } from './datadog/event.ts'

await runSubcommand({
  name: 'npm run datadog',
  summary: `What this repository has to say to Datadog. These variables are read:\n\n${VARIABLES}`,
  commands: { event },
})

import { once } from 'node:events'
import { CommandError, integer, runCommand, text } from '../../../src/process/command.ts'
import { Intake } from './intake.ts'

await runCommand({
  name: 'node test/support/intake/main.ts',
  summary: "Stands in for Datadog's OTLP intake, prints its address and runs until it is interrupted.",
  options: {
    port: integer('N', [0, 65535], '0 takes a free one (default)'),
    key: text('KEY', 'the only key it takes; without it any will do'),
  },
  async run({ port, key }, signal) {
    const options = { port: port ?? 0, ...(key !== undefined && { apiKey: key }) }
    const intake = await Intake.start(options).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') throw new CommandError(`Port ${port} is in use; give another or 0.`)
      throw error
    })
    process.stdout.write(`${intake.url}\n`)
    if (!signal.aborted) await once(signal, 'abort')
    await intake.close()
  },
})

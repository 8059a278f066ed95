import { Spool } from '../../packages/durable-otlp-exporter/src/spool.ts'

/** Opens the folders that it is told to, writes a body into each, and owns them until it is killed. */
process.on('message', async ({ directory, instanceId }: { directory: string; instanceId: string }) => {
  const spool = await Spool.open({ directory, instanceId, maxBytes: 1_000_000 }, 1)
  await spool.write({
    signal: 'metrics',
    protocol: 'http/json',
    compression: 'none',
    items: 1,
    time: 1_800_000_000_000,
    bytes: Buffer.from('{}'),
  })
  process.send?.(spool.isShared ? 'shared' : 'owned')
})

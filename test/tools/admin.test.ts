import t from 'tap'
import { newUser, openMigrated } from '../db/temporary-database.ts'
import { runScript } from './run-command.ts'

t.test('administrators are made, listed and unmade by their address, in any letter case', async (t) => {
  const { db, file } = await openMigrated(t)
  const ada = { ...newUser('Ada Lovelace'), email: 'Ada@Example.com', email_key: 'ada@example.com' }
  await db.insertInto('users').values([newUser(), ada]).execute()
  const admin = (...args: string[]) => runScript('admin', args, { DATABASE_URL: `sqlite:${file}` })
  const said = async (...args: string[]) => {
    const { code, stdout, stderr } = await admin(...args)
    t.same([code, stderr], [0, ''], args.join(' '))
    return stdout
  }
  t.equal(await said('list'), 'There are no administrators; npm run admin -- grant EMAIL makes one.\n')
  t.equal(await said('grant', 'ADA@example.COM'), 'Ada@Example.com is an administrator now.\n')
  t.equal(await said('grant', 'ada@example.com'), 'Ada@Example.com is an administrator already.\n')
  t.equal(await said('list'), 'Ada@Example.com  Ada Lovelace\n')
  t.equal(await said('revoke', 'ada@example.com'), 'Ada@Example.com is no administrator any more.\n')
  t.equal(await said('revoke', 'ada@example.com'), 'Ada@Example.com is no administrator.\n')
  const rows = await db.selectFrom('users').select('is_administrator').execute()
  t.same(rows, [{ is_administrator: 0 }, { is_administrator: 0 }])
})

t.test('an account that cannot be an administrator is refused in one sentence', async (t) => {
  const { db, file } = await openMigrated(t)
  const seeded = { ...newUser(), email: 'demo@seed.example', email_key: 'demo@seed.example', seed_number: 1 }
  await db.insertInto('users').values(seeded).execute()
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await runScript('admin', args, { DATABASE_URL: `sqlite:${file}` })
    t.same([code, stdout], [1, ''], args.join(' '))
    return stderr
  }
  const unknown = (typed: string) =>
    `No account has the address ${typed}; sign up with it first, or give another one.\n`
  t.equal(await refused('grant', 'eve@example.com'), unknown('eve@example.com'))
  t.equal(await refused('revoke', 'no address'), unknown('no address'))
  t.equal(
    await refused('grant', 'demo@seed.example'),
    'demo@seed.example is a seeded account, whose password others know; give the address of a real one.\n',
  )
})

t.test('of several commands one must be given, with its arguments', async (t) => {
  const wrong: [args: string[], sentence: string][] = [
    [[], 'A command is missing; give grant or revoke or list, or see npm run admin -- --help.\n'],
    [['make'], `'make' is not a command; give grant or revoke or list, or see npm run admin -- --help.\n`],
    [
      ['toString'],
      `'toString' is not a command; give grant or revoke or list, or see npm run admin -- --help.\n`,
    ],
    [['--force'], '--force is not known; see npm run admin -- --help.\n'],
    [['grant'], 'EMAIL is missing; see npm run admin -- grant --help.\n'],
    [['grant', 'a@b.c', 'd@e.f'], `'d@e.f' is not expected; see npm run admin -- grant --help.\n`],
    [['grant', 'a@b.c', '--all'], '--all is not known; see npm run admin -- grant --help.\n'],
    [['list', 'a@b.c'], `'a@b.c' is not expected; see npm run admin -- list --help.\n`],
  ]
  for (const [args, sentence] of wrong)
    t.same(
      await runScript('admin', args),
      { code: 2, signal: null, stdout: '', stderr: sentence },
      args.join(' '),
    )
  const overview = await runScript('admin', ['--help'])
  t.equal(overview.code, 0)
  t.match(overview.stdout, /^npm run admin\n/)
  t.match(overview.stdout, 'npm run admin -- grant EMAIL\n  Makes an account an administrator.\n')
  const { stdout } = await runScript('admin', ['grant', 'a@b.c', 'd@e.f', '--help'])
  t.match(stdout, /^npm run admin -- grant EMAIL\n.*\n {2}EMAIL {3}address of the account/s)
})

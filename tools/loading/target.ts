import { lookup } from 'node:dns/promises'
import { BlockList, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { CommandError } from '../../src/process/command.ts'

/** The target of the load: an address that was looked up once, so that no name can lead elsewhere later. */
export interface Target {
  /** The given URL: `http://localhost:3000`. */
  readonly url: string
  readonly address: string
  readonly port: number
  /** The value of the Host header field. */
  readonly host: string
}

/** Throws a {@link CommandError} for a text that is no service's URL, and for another machine without permission. */
export async function resolveTarget(
  text: string,
  { allowRemote }: { allowRemote: boolean },
): Promise<Target> {
  const url = parse(text)
  // An IPv6 address stands in brackets.
  const name = url.hostname.replace(/^\[|\]$/g, '')
  const addresses = await addressesOf(name)
  const foreign = addresses.find((address) => !isOfThisMachine(address))
  if (foreign !== undefined && !allowRemote)
    throw new CommandError(
      `${url.host} is not on this machine${foreign === name ? '' : ` (${foreign})`}, and load that its owner does not expect is an attack; ` +
        'give --allow-remote if they agreed.',
    )
  return { url: url.origin, address: addresses[0]!, port: Number(url.port || 80), host: url.host }
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isService = url?.protocol === 'http:' && `${url.origin}/` === url.href
  if (url === undefined || !isService)
    throw new CommandError(`--url is "${text}"; give it as http://host:port, such as http://127.0.0.1:3000.`)
  return url
}

async function addressesOf(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandError(`The host ${name} is not found (${code}); check --url.`)
  }
}

/** Loopback, or an address of one of its network interfaces. */
function isOfThisMachine(address: string): boolean {
  const own = new BlockList()
  own.addSubnet('127.0.0.0', 8)
  own.addAddress('::1', 'ipv6')
  for (const { address: assigned, family } of Object.values(networkInterfaces()).flatMap(
    (each) => each ?? [],
  ))
    own.addAddress(assigned.split('%')[0] ?? '', family === 'IPv6' ? 'ipv6' : 'ipv4')
  // A link-local address may come with the name of its interface.
  const [bare = ''] = address.split('%')
  return own.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4')
}

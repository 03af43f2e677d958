import { BlockList, isIP, isIPv6 } from 'node:net';
import type { SourceRequest } from './tenant-source.ts';

/**
 * Whose word counts: addresses and networks in CIDR notation (`10.0.0.0/8`, `fd00::/8`, `127.0.0.1`) that the peer of
 * the connection must be in, or the app's own judgement.
 */
export type TrustedPeers = readonly string[] | ((address: string | undefined, request: SourceRequest) => boolean);

/** @throws RangeError when it is no address or network */
function add(list: BlockList, cidr: string): void {
  const slash = cidr.indexOf('/');
  const address = slash === -1 ? cidr : cidr.slice(0, slash);
  const bits = slash === -1 ? undefined : cidr.slice(slash + 1);
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const width = family === 'ipv6' ? 128 : 32;
  const prefix = bits === undefined ? width : Number(bits);
  if (isIP(address) === 0 || !/^\d{1,3}$/.test(bits ?? '0') || prefix > width) {
    throw new RangeError(`${cidr} is neither an IP address nor a network like 10.0.0.0/8`);
  }
  list.addSubnet(address, prefix, family);
}

/** IPv4 as dual-stack sockets write it (`::ffff:10.0.0.1`), and without a zone (`fe80::1%eth0`). */
function plainAddress(address: string): string {
  return address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
}

/**
 * The test for a request's peer. An address that is unknown is in no network.
 * @throws RangeError when an entry is no address or network
 */
export function peerTest(peers: TrustedPeers): (request: SourceRequest) => boolean {
  if (typeof peers === 'function') return (request) => peers(request.peerAddress?.(), request) === true;
  const list = new BlockList();
  for (const cidr of peers) add(list, cidr);
  return (request) => {
    const address = plainAddress(request.peerAddress?.() ?? '');
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressGuard } from '../../../src/app/alert-senders/address-guard.ts';

const guard = addressGuard([]);

const CLOSED = [
  ...[
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
  ],
  ...[
    '192.168.0.1',
    '192.168.255.255',
    '169.254.169.254',
    '169.254.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '100.127.255.255',
  ],
  ...['168.63.129.16', '192.0.0.192', '192.0.2.1', '192.88.99.1', '198.18.0.1', '198.19.255.255', '198.51.100.1'],
  ...['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ...[
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::FFFF:169.254.169.254',
    '0:0:0:0:0:ffff:a00:1',
  ],
  ...[
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::1',
    '100::1',
    'fc00::1',
    'fd00:ec2::254',
  ],
  ...[
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2001::1',
    '2001:0:7f00:1::',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
  ],
  ...['', 'localhost', '127.1', '0x7f000001', '2130706433', '8.8.8.8.', '1.2.3.4/8', '[::1]'],
];
const OPEN = [
  ...[
    '8.8.8.8',
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
  ],
  ...[
    '169.253.255.255',
    '192.167.255.255',
    '198.17.255.255',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450::1',
  ],
];

describe('without ranges of the operator', () => {
  test.each(CLOSED)('%s is closed', (address) => expect(guard.isOpen(address)).toBe(false));
  test.each(OPEN)('%s is open', (address) => {
    expect(guard.isOpen(address)).toBe(true);
    expect(guard.isOwn(address)).toBe(false);
  });

  test('whatever embeds an IPv4 address in an IPv6 one is closed', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), fc.constantFrom('::', '::ffff:', '64:ff9b::'), (ip, prefix) => {
        expect(guard.isOpen(prefix + ip.join('.'))).toBe(false);
      }),
    );
  });
});

describe('with ranges of the operator', () => {
  const own = addressGuard(['10.20.0.0/16', 'fd00:1::/64', '127.0.0.1']);
  test.each(['10.20.0.1', '10.20.255.255', 'fd00:1::5', '127.0.0.1'])('%s is open and own', (address) => {
    expect([own.isOpen(address), own.isOwn(address)]).toEqual([true, true]);
  });
  test.each(['10.21.0.1', '127.0.0.2', 'fd00:2::5', '::ffff:10.20.0.1', '::ffff:127.0.0.1', '169.254.169.254'])(
    '%s stays closed',
    (address) => expect(own.isOpen(address)).toBe(false),
  );
});

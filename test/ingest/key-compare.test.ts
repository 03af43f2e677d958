/** A comparison that ends at the first difference tells by its time how much of a key was right. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KeyCheck } from '../../ingest/key-check.ts';

const compared = vi.hoisted((): number[] => []);
vi.mock('node:crypto', async (original) => {
  const real = await original<typeof import('node:crypto')>();
  return {
    ...real,
    timingSafeEqual: (left: Uint8Array, right: Uint8Array) => {
      compared.push(left.length);
      return real.timingSafeEqual(left, right);
    },
  };
});

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('compares hashes of keys, never keys, and in constant time', async () => {
  const check = await KeyCheck.start({ folder, bootstrapKey: 'the-right-key', log: pino({ level: 'silent' }) });
  try {
    const verify = (key: string) => check.verify({ authorization: `Bearer ${key}` });
    expect(verify('the-right-key')).toMatchObject({ keyId: 'bootstrap' });
    for (const wrong of ['the-right-kez', 'the-right-key-and-more', 'x']) expect(() => verify(wrong)).toThrow();
    expect(compared).toEqual([32, 32, 32, 32]);
  } finally {
    await check.stop();
  }
});

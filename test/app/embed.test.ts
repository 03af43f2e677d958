import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { embedKeys } from '../../src/app/embed.ts';
import { loadConfig } from '../../src/config/config.ts';

const key = (name: string) => ({ id: name, key: createHash('sha256').update(name).digest() });
const ring = (...names: string[]) => {
  const keys = names.map(key);
  const [current = key('none')] = keys;
  return { current, all: new Map(keys.map((one) => [one.id, one.key])) };
};

test('frames are signed with keys of their own, the same on every server', () => {
  const { current, find } = embedKeys(ring('new', 'old'));
  expect(current).toEqual(embedKeys(ring('new')).current);
  expect(current.secret).toHaveLength(32);
  expect(Buffer.from(current.secret).equals(key('new').key)).toBe(false);
  expect(find('old')).toEqual(embedKeys(ring('old')).current.secret);
  expect(find(randomBytes(4).toString('hex'))).toBeUndefined();
});

test.each(['https://app.example.com', 'http://localhost:4100,https://b.example'])('origins may be %s', (text) => {
  expect(loadConfig({ TENANTRY_EMBED_ORIGINS: text }).TENANTRY_EMBED_ORIGINS).toEqual(text.split(','));
});

test.each([
  '*',
  "'self'",
  'https://app.example.com/',
  'app.example.com',
  'https:',
  'data:x',
  'https://a.b;script-src *',
  'https://a.b;script-src',
])('origins may not be %s', (text) => {
  expect(() => loadConfig({ TENANTRY_EMBED_ORIGINS: text })).toThrow(/TENANTRY_EMBED_ORIGINS/);
});

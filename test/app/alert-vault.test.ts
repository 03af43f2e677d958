import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { alertVault } from '../../src/app/alert-vault.ts';
import { addSecretsKey, dropOldSecretsKeys, secretsKeys } from '../../src/app/secrets-keys.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { AlertTarget } from '../../src/domain/alert.ts';

const TARGET: AlertTarget = { channel: 'slack', url: 'https://hooks.slack.com/services/T0/B0/very-secret' };
const keyText = (byte: number) => Buffer.alloc(32, byte).toString('base64');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-secrets-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const configWith = (...keys: readonly string[]) =>
  loadConfig({ TENANTRY_DATA_DIR: folder, TENANTRY_SECRETS_KEY: keys.join(',') });
const vaultWith = (...keys: readonly string[]) => alertVault(secretsKeys(configWith(...keys)));
const keptKeys = () => (JSON.parse(readFileSync(join(folder, 'secrets-keys.json'), 'utf8')) as { keys: string[] }).keys;

describe('a sealed target', () => {
  test('opens for its route, says nothing, and is never the same twice', () => {
    const vault = vaultWith(keyText(1));
    const [one, other] = [vault.seal('route-1', TARGET), vault.seal('route-1', TARGET)];
    expect(vault.open('route-1', one)).toEqual({ target: TARGET });
    expect(one).not.toBe(other);
    expect(Buffer.from(one.split('.').at(-1) ?? '', 'base64url').toString('latin1')).not.toContain('slack');
  });

  test('does not open for another route, nor with any bit changed', () => {
    const vault = vaultWith(keyText(1));
    const sealed = vault.seal('route-1', TARGET);
    expect(vault.open('route-2', sealed)).toEqual({ problem: expect.stringContaining('changed after it was sealed') });
    const parts = sealed.split('.');
    for (const [index, part] of parts.entries()) {
      const bytes = Buffer.from(part, index < 2 ? 'utf8' : 'base64url');
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      const changed = parts.with(index, index < 2 ? bytes.toString('latin1') : bytes.toString('base64url')).join('.');
      expect(vault.open('route-1', changed), `part ${index}`).toHaveProperty('problem');
    }
    // A tag that is cut short must not be taken for a weaker one.
    const short = parts.with(3, (parts[3] ?? '').slice(0, 6)).join('.');
    for (const text of ['', 'v1', 'v1.x.y', 'plain text', short])
      expect(vault.open('route-1', text)).toHaveProperty('problem');
  });

  test('under an older key opens and is due for a new one; under a lost key it says which', () => {
    const old = vaultWith(keyText(1)).seal('route-1', TARGET);
    const rotated = vaultWith(keyText(2), keyText(1));
    expect(rotated.open('route-1', old)).toEqual({ target: TARGET });
    expect([rotated.isCurrent(old), rotated.isCurrent(rotated.seal('route-1', TARGET))]).toEqual([false, true]);
    const [, id = ''] = old.split('.');
    expect(vaultWith(keyText(2)).open('route-1', old)).toEqual({ problem: expect.stringContaining(id) });
    expect(id).not.toContain(keyText(1).slice(0, 8));
  });
});

describe('keys', () => {
  test('are made once, kept for this user alone, and stay over restarts', () => {
    const first = secretsKeys(configWith());
    expect(secretsKeys(configWith()).current.id).toBe(first.current.id);
    expect(statSync(join(folder, 'secrets-keys.json')).mode & 0o777).toBe(0o600);
    expect(first.inFile).toBe(true);
  });

  test('of the settings come first, and make no file', () => {
    const { current, all, inFile } = secretsKeys(configWith(keyText(5), keyText(6)));
    expect([current.key.toString('base64'), all.size, inFile]).toEqual([keyText(5), 2, false]);
    expect(() => statSync(join(folder, 'secrets-keys.json'))).toThrow(/ENOENT/);
    expect(() => addSecretsKey(configWith(keyText(5)))).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });

  test('rotate: a new one in front, the older ones until nothing needs them', () => {
    const first = secretsKeys(configWith());
    const { id } = addSecretsKey(configWith());
    const second = secretsKeys(configWith());
    expect([second.current.id, second.all.size]).toEqual([id, 2]);
    expect(second.all.has(first.current.id)).toBe(true);
    // One more is made while the server that seals with the second runs: it must not be lost.
    addSecretsKey(configWith());
    const [newest, ...older] = keptKeys();
    dropOldSecretsKeys(configWith(), second);
    expect(keptKeys()).toEqual([newest, older[0]]);
    dropOldSecretsKeys(configWith(), first);
    expect(keptKeys()).toEqual([newest, older[0]]);
    expect(statSync(join(folder, 'secrets-keys.json')).mode & 0o777).toBe(0o600);
  });

  test.each(['', '{', '{"keys":[]}', '{"keys":["c2hvcnQ="]}', '{"keys":"x"}'])(
    'a damaged file is not replaced: %s',
    (text) => {
      writeFileSync(join(folder, 'secrets-keys.json'), text);
      expect(() => secretsKeys(configWith())).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
      expect(readFileSync(join(folder, 'secrets-keys.json'), 'utf8')).toBe(text);
    },
  );

  test.each(['short', Buffer.alloc(31).toString('base64'), `${keyText(1)},x`])(
    'a malformed one stops the start, unrepeated: %s',
    (text) => {
      expect(() => configWith(text)).toThrow(/TENANTRY_SECRETS_KEY/);
      expect(() => configWith(text)).not.toThrow(text);
    },
  );
});

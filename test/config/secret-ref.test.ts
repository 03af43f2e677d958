import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSecret } from '../../src/config/secret-ref.ts';

let root: string;
let folder: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tenantry-secrets-'));
  folder = join(root, 'secrets');
  mkdirSync(folder);
  writeFileSync(join(folder, 'db'), 'postgres://reader@db/app\n');
  writeFileSync(join(folder, 'huge'), 'x'.repeat(20_000));
  writeFileSync(join(folder, 'empty'), '\n');
  writeFileSync(join(root, 'outside'), 'not for you');
  symlinkSync(join(root, 'outside'), join(folder, 'link'));
});

afterAll(() => rmSync(root, { recursive: true }));

describe('a reference', () => {
  it('leads to a variable, or to a file without the line end that editors add', async () => {
    expect(await readSecret('env:DB_URL', { folder, env: { DB_URL: 'postgres://x' } })).toBe('postgres://x');
    expect(await readSecret(`file:${folder}/db`, { folder })).toBe('postgres://reader@db/app');
  });

  it.each([
    ['a variable that is not there', () => 'env:NOT_THERE' as const],
    ["Tenantry's own token", () => 'env:TENANTRY_ADMIN_TOKEN' as const],
    ["Tenantry's own database", () => 'env:DATABASE_URL' as const],
    ['a file that is not there', () => `file:${folder}/nothing` as const],
    ['a file outside', () => `file:${root}/outside` as const],
    ['a file outside by way of dots', () => `file:${folder}/../outside` as const],
    ['a link to the outside', () => `file:${folder}/link` as const],
    ['a file that is no secret', () => `file:${folder}/huge` as const],
    ['a file of nothing', () => `file:${folder}/empty` as const],
    ['the folder itself', () => `file:${folder}` as const],
  ])('to %s is refused', async (_what, ref) => {
    const env = { TENANTRY_ADMIN_TOKEN: 'top-secret', DATABASE_URL: 'top-secret' };
    const error = await readSecret(ref(), { folder, env }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(error)).not.toMatch(/top-secret|not for you/);
  });
});

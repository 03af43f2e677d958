import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pricesCommand } from '../../src/app/commands/prices.ts';
import { ADMIN_TOKEN, bearer, OWN } from '../support/api-harness.ts';
import { MemoryMonths, MemoryPrices } from '../support/api-memory-prices.ts';
import { commandWorld } from '../support/command-world.ts';

const world = commandWorld(pricesCommand);
const { run } = world;
let book: MemoryPrices;
let folder: string;

beforeEach(() => {
  const { prices } = world.api.ports;
  if (!(prices instanceof MemoryPrices)) throw new Error('another book');
  book = prices;
  folder = mkdtempSync(join(tmpdir(), 'tenantry-prices-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('prices are added to the book, a contract and a tenant, and listed', async () => {
  expect(await run('list')).toBe('No price.\n');
  expect(await run('add', 'openai', 'gpt-4o', 'input', '2.50', '--reason', 'list')).toBe('The book is at version 2.\n');
  await run(
    'add',
    'openai',
    'gpt-4o',
    'request',
    '0.01',
    '--tenant',
    OWN,
    '--from',
    '2026-01-01T00:00:00Z',
    '--reason',
    'promised',
  );
  await expect(run('add', 'a', 'b', 'input', '1', '--contract', 'gold', '--reason', 'x')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  await expect(run('add', 'a', 'b', 'input', '2,5', '--reason', 'x')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  const list = await run('list', 'gpt');
  expect(list).toMatch(/p1 +book +openai +gpt-4o +input +\$2\.5 \/ 1M tokens +ever to further notice +manual/);
  expect(list).toMatch(
    /p2 +acme +openai +gpt-4o +request +\$0\.01 \/ request +2026-01-01T00:00:00\.000Z to further notice/,
  );
  expect(book.reasons).toEqual(['list', 'promised']);
});

test('a long list comes whole, page by page, and no longer than asked', async () => {
  const prices = Array.from({ length: 500 }, (_, index) => ({
    provider: 'p',
    model: `m-${index}`,
    kind: 'input',
    price_usd: '1',
  }));
  for (const part of [prices, prices]) {
    await world.api.app.inject({
      method: 'POST',
      url: '/v1/prices',
      headers: bearer(ADMIN_TOKEN),
      payload: { prices: part, reason: 'x' },
    });
  }
  expect((await run('list', '--limit', '10000')).trim().split('\n')).toHaveLength(1_001);
  expect((await run('list', '--limit', '7')).trim().split('\n')).toHaveLength(8);
});

test('an import is shown, and written only with --apply', async () => {
  const file = join(folder, 'models.json');
  writeFileSync(file, '{}');
  expect(await run('import', file, '--format', 'litellm')).toContain('Nothing is written yet');
  expect(book.reasons).toEqual([]);
  expect(await run('import', file, '--format', 'litellm', '--apply', '--reason', 'monthly')).toContain(
    'The book is at version 1',
  );
  expect(book.reasons).toEqual(['monthly']);
  expect(book.imports.at(-1)).toMatchObject({ format: 'litellm', text: '{}', sourceRef: 'models.json' });
  await expect(run('import', '--format', 'csv')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await expect(run('import', join(folder, 'none'), '--format', 'csv')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});

test('models without a price are listed, and months repriced', async () => {
  expect(await run('unpriced')).toMatch(/openai +own-model +3 +1 +unknown-model/);
  const shown = await run('reprice', '2026-04', '2026-05');
  expect(shown).toMatch(/2026-04 \(closed\) +acme +openai gpt-4o +0\.000003000001 +0\.0000025 +-0\.000000500001/);
  expect(shown).toContain('Nothing is written yet');
  expect(await run('reprice', '2026-04', '2026-05', '--apply')).toMatch(/1 corrections are written as /);
  const { months } = world.api.ports;
  expect(months instanceof MemoryMonths && months.records).toMatchObject([
    { reason: 'repriced from the command line' },
  ]);
});

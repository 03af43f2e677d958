import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { KeyList } from '../../../src/api/keys-contract.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';
import { until } from '../../support/flow-waiting.ts';
import { ROOT } from '../../support/package-project.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const PACKAGES = ['fastify', '@opentelemetry', 'jose'];

/** The first set-up, over the real server. */
export function setupSuite(world: () => DashboardsWorld): void {
  it('gives code that works as it stands, and says when the first span has come', async () => {
    const { page, faults } = await world().signedIn('admin');
    await page.goto(`${world().tenantry.url}/setup?service=first-service`);
    await page.getByTestId('make-key').click();
    await page.getByRole('button', { name: 'Make it' }).click();
    const key = (await page.getByTestId('made-key').textContent()) ?? '';
    const { body } = await world().tenantry.ask<KeyList>('/v1/keys');
    expect(body.items.map(({ name }) => name)).toContain('first set-up of first-service');
    expect(await page.getByTestId('snippet-key').locator('pre').textContent()).toBe(`export TENANTRY_KEY=${key}\n`);

    const folder = await mkdtemp(join(tmpdir(), 'tenantry-first-'));
    await mkdir(join(folder, 'node_modules'));
    for (const name of PACKAGES) await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
    await symlink(ROOT, join(folder, 'node_modules', 'tenantry'));
    const snippet = (index: number) => page.getByTestId(`snippet-${index}`).locator('pre').textContent();
    await writeFile(join(folder, 'main.mjs'), (await snippet(1)) ?? '');
    await writeFile(join(folder, 'app.mjs'), (await snippet(2)) ?? '');
    const port = await freePort();
    const app = spawn(process.execPath, ['main.mjs'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], TENANTRY_KEY: key, PORT: String(port), OTEL_BSP_SCHEDULE_DELAY: '100' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    app.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    try {
      await until(`an answer of the app (${said})`, async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/hello`, {
          headers: { 'x-tenant-id': 'first-tenant' },
        }).catch(() => undefined);
        return answer?.status === 200;
      });
      const check = page.getByTestId('setup-check');
      await page.locator('[data-testid="setup-check"][data-state="arrived"]').waitFor({ timeout: 30_000 });
      expect(await check.textContent()).toMatch(/^first-service has sent \d+ spans?; .*, such as first-tenant\.$/);
    } finally {
      app.kill();
      await once(app, 'exit');
      await rm(folder, { recursive: true });
    }
    expect(faults).toEqual([]);
  });
}

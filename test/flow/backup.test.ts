/** The commands on a whole Tenantry that runs, takes telemetry meanwhile, and is killed in the middle of a backup. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupList } from '../../src/api/backups-contract.ts';
import { postSpans, serverSpan, spansBody } from '../support/flow-otlp.ts';
import {
  ADMIN_TOKEN,
  type CommandRun,
  endEverything,
  type FlowTenantry,
  flowFolder,
  runCommand,
  startTenantry,
} from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';

let tenantry: FlowTenantry;
let backups: string;
let isSending = true;
let sending: Promise<void>;

function command(...args: string[]): CommandRun {
  return runCommand(args, {
    ...{ TENANTRY_DATA_DIR: tenantry.dataDir, TENANTRY_ADMIN_TOKEN: ADMIN_TOKEN },
    TENANTRY_API_PORT: new URL(tenantry.url).port,
  });
}

async function send(): Promise<void> {
  for (let number = 0; isSending; number += 1) {
    await postSpans(tenantry.otlpUrl, spansBody([serverSpan(`tenant-${number % 3}`, `s${number}`)]));
    await delay(50);
  }
}

beforeAll(async () => {
  backups = join(flowFolder(), 'backups');
  mkdirSync(backups);
  // Inserts that cost little: what is loaded how often proves nothing here.
  tenantry = await startTenantry({ TENANTRY_SEGMENT_AGE_MS: '1500' });
  sending = send();
  await until('spans of every tenant', async () => (await tenantry.tenants()).size === 3);
}, 120_000);

afterAll(async () => {
  isSending = false;
  await sending;
  await endEverything();
}, 60_000);

it('backs up while it runs, survives being killed in the middle of it, and compares a restored tenant', async () => {
  const first = command('backup', '--to', backups, '--keep', '1');
  expect(await first.exited, first.log()).toBe(0);
  const whole = readdirSync(backups);
  expect(whole).toEqual([expect.stringMatching(/^tenantry-\d{8}T\d{9}Z$/)]);

  const killed = command('backup', '--to', backups, '--keep', '1');
  await until('the second to be begun', () => readdirSync(backups).some((name) => name.startsWith('.partial-')));
  process.kill(tenantry.part('server'), 'SIGKILL');
  expect(await killed.exited).toBe(1);
  expect(readdirSync(backups)).toEqual([expect.stringMatching(/^\.partial-/), ...whole]);
  const verified = command('backup', '--verify', backups);
  expect(await verified.exited).toBe(0);
  expect(verified.out()).toContain(`${whole[0]} is whole`);

  await until('the server to be back', async () => (await tenantry.ask('/healthz')).status === 200);
  const third = command('backup', '--to', backups, '--keep', '1');
  expect(await third.exited, third.log()).toBe(0);
  const left = readdirSync(backups);
  expect(left).toHaveLength(1);
  expect(left).not.toEqual(whole);

  const drill = command('drill', '--tenant', 'tenant-1', '--from', backups);
  expect(await drill.exited, drill.out() + drill.log()).toBe(0);
  expect(drill.out()).toContain('The restored tenant-1 is the same.');
  const { body } = await tenantry.ask<BackupList>('/v1/backups');
  expect(body.last_backup?.name).toBe(left[0]);
  expect(body.last_drill).toMatchObject({ ok: true, differences: 0, tenant_id: 'tenant-1', backup: left[0] });
  expect(body.last_drill?.rows).toBeGreaterThan(10);
}, 300_000);

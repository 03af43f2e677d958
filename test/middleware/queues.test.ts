/** Tenants through job queues: real pg-boss and BullMQ on a real Postgres, BullMQ on a real Redis. */
import { once } from 'node:events';
import { SpanStatusCode } from '@opentelemetry/api';
import {
  createPostgresBackend,
  type JobProgress,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  Queue,
  Worker,
} from 'bullmq';
import PgBoss from 'pg-boss';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { currentTenant } from '../../src/middleware/index.ts';
import { bullmqProcessor, pgBossHandler, tenantJobData } from '../../src/middleware/queues.ts';
import { expectOneTrace, query, sending, startMessageTracing } from '../support/middleware-messages.ts';
import type { TestTracing } from '../support/middleware-tracing.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { NO_REDIS, startTestRedis } from '../support/redis.ts';

let tracing: TestTracing;
beforeAll(() => {
  tracing = startMessageTracing();
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tracing.exporter.reset();
});

describe('on Postgres', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await startTestPostgres();
  });
  afterAll(() => database.stop());

  it('pg-boss: a job is worked on for the tenant that sent it, a batch each for its own', async () => {
    const boss = new PgBoss({ connectionString: database.ownerUrl, schema: 'boss', supervise: false, schedule: false });
    await boss.start();
    await boss.createQueue('mail');
    await sending(() => boss.send('mail', tenantJobData({ to: 'a@example.com' })));
    await sending(() => boss.send('mail', tenantJobData({ to: 'b@example.com' })), 'beta');
    await boss.send('mail', { to: 'nobody@example.com', _tenantry: 'garbage' });
    const seen: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      const handler = pgBossHandler(async (job: PgBoss.Job<{ to: string }>) => {
        await query();
        seen.push([job.data.to, currentTenant()?.tenantId, currentTenant()?.source]);
        if (seen.length === 3) resolve();
      });
      const checked: PgBoss.WorkHandler<{ to: string }> = handler;
      boss.work('mail', { batchSize: 3, pollingIntervalSeconds: 0.5 }, checked).catch(reject);
    });
    expect(seen.sort()).toEqual([
      ['a@example.com', 'acme', 'message'],
      ['b@example.com', 'beta', 'message'],
      ['nobody@example.com', undefined, undefined],
    ]);
    await boss.stop({ wait: true });
    await expectOneTrace(tracing, 'process mail', {
      'messaging.system': 'pg-boss',
      'messaging.destination.name': 'mail',
    });
  });

  it('BullMQ: a job is worked on for the tenant that sent it, and fails as it would without', async () => {
    const connection = { connectionString: database.ownerUrl, schema: 'bull', migrate: true };
    const queue = new Queue('mail', { connection }, createPostgresBackend);
    await queue.waitUntilReady();
    const seen: unknown[] = [];
    const processor = bullmqProcessor(async (job: { data: { to: string }; queueName: string; id?: string }) => {
      await query();
      seen.push([job.data.to, currentTenant()?.tenantId]);
      if (job.data.to === 'bounce') throw new Error('mailbox full');
      return `sent to ${job.data.to}`;
    });
    const worker = new Worker<
      { to: string },
      string,
      string,
      PostgresQueueBackend,
      JobProgress,
      PostgresConnectionOptions
    >('mail', processor, { connection }, createPostgresBackend);
    worker.on('error', () => undefined);
    await worker.waitUntilReady();
    const completed = once(worker, 'completed');
    const job = await sending(() => queue.add('send', tenantJobData({ to: 'a' })));
    expect((await completed)[1]).toBe('sent to a');
    await expectOneTrace(tracing, 'process mail', { 'messaging.system': 'bullmq', 'messaging.message.id': job.id });
    const failed = once(worker, 'failed');
    await queue.add('send', { to: 'bounce' });
    expect((await failed)[1]).toMatchObject({ message: 'mailbox full' });
    expect(seen).toEqual([
      ['a', 'acme'],
      ['bounce', undefined],
    ]);
    await worker.close();
    await queue.close();
    const failure = (await tracing.flush()).findLast((span) => span.name === 'process mail');
    expect(failure?.status.code).toBe(SpanStatusCode.ERROR);
    expect(failure?.attributes).toMatchObject({ 'error.type': 'Error' });
    expect(failure?.attributes).not.toHaveProperty('tenant_id');
  });
});

describe('on Redis', () => {
  it('BullMQ: a job is worked on for the tenant that sent it, after a retry too', async (context) => {
    const redis = await startTestRedis();
    if (redis === undefined) return context.skip(NO_REDIS);
    const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
    const queue = new Queue('mail', { connection });
    const seen: unknown[] = [];
    const processor = bullmqProcessor(async (job: { data: { to: string }; queueName: string; id?: string }) => {
      await query();
      seen.push([job.data.to, currentTenant()?.tenantId, currentTenant()?.source]);
      if (seen.length === 1) throw new Error('mailbox busy');
    });
    const worker = new Worker<{ to: string }, void>('mail', processor, { connection });
    try {
      worker.on('error', () => undefined);
      await worker.waitUntilReady();
      const completed = once(worker, 'completed');
      await sending(() => queue.add('send', tenantJobData({ to: 'a' }), { attempts: 2 }));
      await completed;
      expect(seen).toEqual([
        ['a', 'acme', 'message'],
        ['a', 'acme', 'message'],
      ]);
    } finally {
      await worker.close();
      await queue.close();
      await redis.stop();
    }
  });
});

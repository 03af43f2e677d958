/** The package as an app gets it: the packed tarball in an empty project, with nothing but the peers it asks for. */
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFlagServer } from '../support/middleware-flag-server.ts';
import { compileStrictly } from '../support/package-compile.ts';
import { type Manifest, Project, ROOT, readManifest, tarballPath } from '../support/package-project.ts';

const run = promisify(execFile);
/** What an install of this package adds on disk, its one dependency not included. */
const UNPACKED_KB = 600;

let project: Project;
let packed: Manifest;
let root: Manifest;
let tarball: string;

async function node(source: string): Promise<unknown> {
  const { out, err } = await project.node('--input-type=module', '-e', source);
  if (out === '') throw new Error(err);
  return JSON.parse(out);
}

async function compile(file: string, source: string): Promise<readonly string[]> {
  await project.write(file, source);
  return compileStrictly(project.folder, [file]);
}

beforeAll(async () => {
  project = await Project.make('module');
  tarball = await tarballPath();
  root = await readManifest(join(ROOT, 'package.json'));
  packed = await readManifest(join(project.folder, 'node_modules/tenantry/package.json'));
});
afterAll(() => project.remove());

describe('the manifest', () => {
  it('exports what the repository exports, and every file is there', async () => {
    const relative = (file: string) => file.replace('./dist/src/', './');
    expect(Object.keys(packed.exports)).toEqual(Object.keys(root.exports));
    for (const [path, entry] of Object.entries(packed.exports)) {
      const ours = root.exports[path];
      expect(entry).toEqual({ types: relative(ours?.types ?? ''), default: relative(ours?.default ?? '') });
      for (const file of Object.values(entry)) {
        expect((await stat(join(project.folder, 'node_modules/tenantry', file))).isFile(), file).toBe(true);
      }
    }
  });

  it('is light: one small dependency, everything else a peer that the app has anyway or does not need', () => {
    expect(Object.keys(packed.dependencies).sort()).toEqual(['eventsource-parser']);
    const required = Object.keys(packed.peerDependencies).filter(
      (name) => !packed.peerDependenciesMeta[name]?.optional,
    );
    expect(required).toEqual(['@opentelemetry/api']);
    expect(JSON.stringify(packed)).not.toMatch(/chdb|clickhouse|"pg"|pino|zod/);
    expect(packed.license).toBe('Apache-2.0');
  });

  it('is small and holds the middleware only', async () => {
    const folder = join(project.folder, 'node_modules/tenantry');
    const files = await readdir(folder, { recursive: true });
    const stats = await Promise.all(files.map((file) => stat(join(folder, file))));
    const bytes = stats.filter((one) => one.isFile()).reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(UNPACKED_KB * 1024);
    expect((await stat(tarball)).size).toBeLessThan((UNPACKED_KB * 1024) / 3);
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]));
    expect([...folders].sort()).toEqual(['domain', 'middleware']);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'package.json']));
    expect(files.filter((file) => file.includes('.'))).not.toContain('middleware/README.md');
  });

  it('passes publint and attw', async () => {
    expect((await publint({ pkgDir: join(ROOT, 'dist/npm'), strict: true })).messages).toEqual([]);
    const attw = fileURLToPath(
      import.meta.resolve('@arethetypeswrong/cli/package.json').replace('package.json', 'dist/index.js'),
    );
    await expect(run(process.execPath, [attw, tarball, '--profile', 'esm-only'])).resolves.toBeDefined();
  });
});

describe('in an app', () => {
  it('loads and works with @opentelemetry/api alone', async () => {
    const answer = await node(`
      import { createTenantry, currentTenant, fromHeader, runAsTenant, TenantSpanProcessor } from 'tenantry';
      import { tenantryExpress } from 'tenantry/express';
      import { tenantryKoa } from 'tenantry/koa';
      import { withTenantry } from 'tenantry/node-http';
      import { tenantJobData } from 'tenantry/queues';
      const tenantry = createTenantry({ serviceName: 'some-app', flags: false });
      new TenantSpanProcessor();
      tenantryExpress({ tenantry, sources: [] });
      tenantryKoa({ tenantry, sources: [] });
      runAsTenant('acme', () => tenantJobData({}));
      const handler = withTenantry(() => 'handled', { tenantry, sources: [fromHeader('x-tenant')] });
      const result = handler({ headers: { 'x-tenant': 'acme' }, url: '/' }, { once() {} });
      const decision = tenantry.checkThrottle({ tenantId: 'acme' });
      await tenantry.shutdown();
      console.log(JSON.stringify({ result, decision, outside: currentTenant() ?? null, ran: runAsTenant('acme', () => 1) }));
    `);
    expect(answer).toEqual({
      result: 'handled',
      decision: { allowed: true, retryAfterSeconds: 0 },
      outside: null,
      ran: 1,
    });
  });

  it('says which package is missing when startTenantry is called without the SDK', async () => {
    const answer = await node(`
      import { startTenantry } from 'tenantry';
      const error = await startTenantry({ serviceName: 'some-app' }).catch((thrown) => thrown);
      console.log(JSON.stringify(String(error.message)));
    `);
    expect(answer).toBe(
      'startTenantry needs a package that is not installed. ' +
        'Run: npm install @opentelemetry/sdk-node @opentelemetry/exporter-trace-otlp-proto',
    );
  });

  it('does not keep a process alive that has nothing else to do, though the flag stream is open', async () => {
    const flagServer = await startFlagServer();
    const answer = node(`
      import { createTenantry } from 'tenantry';
      const tenantry = createTenantry({ serviceName: 'some-app', apiUrl: '${flagServer.url}', key: 'k' });
      while (tenantry.stats().flag_stream_connected === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      console.log('"connected"');
    `);
    await expect(answer).resolves.toBe('connected');
    await flagServer.close();
  }, 15_000);

  it('compiles strictly, declarations included, without the optional peers', async () => {
    const source = `
      import { createTenantry, currentTenant, fromJwt, startTenantry, TenantSpanProcessor, type Tenantry } from 'tenantry';
      const tenantry: Tenantry = createTenantry({ serviceName: 'shop', key: 'k' });
      const tenant: string | undefined = currentTenant()?.tenantId;
      const paid: Promise<number> = tenantry.breaker('stripe').run(async () => 7);
      const started: Promise<Tenantry> = startTenantry({ serviceName: 'shop', resourceAttributes: { a: 1 } });
      export const all = [tenant, paid, started, new TenantSpanProcessor(), fromJwt];
    `;
    expect(await compile('good.ts', source)).toEqual([]);
  });

  it('refuses wrong use at compile time', async () => {
    const output = await compile(
      'bad.ts',
      `
      import { createTenantry, fromSubdomain } from 'tenantry';
      createTenantry({ servicename: 'shop' });
      fromSubdomain({ baseDomain: 7 });
      createTenantry({ serviceName: 'shop' }).stats().no_such_counter;
    `,
    );
    expect(output).toHaveLength(3);
  });

  it('fits fastify, the SDK and its instrumentations by type', async () => {
    await project.provide('fastify', '@opentelemetry/sdk-node', '@opentelemetry/instrumentation-http', '@types/node');
    const output = await compile(
      'fits.ts',
      `
      import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
      import { NodeSDK } from '@opentelemetry/sdk-node';
      import fastify from 'fastify';
      import { createServer } from 'node:http';
      import { createTenantry, fromHeader, startTenantry, TenantSpanProcessor } from 'tenantry';
      import { tenantryFastify } from 'tenantry/fastify';
      import { withTenantry } from 'tenantry/node-http';
      const tenantry = createTenantry({ serviceName: 'shop' });
      export const sdk = new NodeSDK({ spanProcessors: [new TenantSpanProcessor()] });
      export const started = startTenantry({
        serviceName: 'shop',
        instrumentations: [new HttpInstrumentation()],
        spanProcessors: [new TenantSpanProcessor()],
      });
      await fastify().register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
      createServer(withTenantry((request, response) => response.end(request.url), { tenantry, sources: [] }));
    `,
    );
    expect(output).toEqual([]);
  });

  it('fits express, koa, hono and the queues by type', async () => {
    const peers = ['express', 'koa', 'hono', 'bullmq', 'pg-boss', 'amqplib', 'kafkajs', 'graphql'];
    const types = ['express', 'koa', 'node'].map((name) => `@types/${name}`);
    await project.provide(...peers, ...types);
    const output = await compile(
      'adapters.ts',
      `
      import type { Channel } from 'amqplib';
      import type { Processor } from 'bullmq';
      import express from 'express';
      import { execute } from 'graphql';
      import { Hono } from 'hono';
      import type { EachMessageHandler, Producer } from 'kafkajs';
      import Koa from 'koa';
      import type PgBoss from 'pg-boss';
      import { createTenantry, currentTenant, graphqlExecute, tenantBaggageFor } from 'tenantry';
      import * as forExpress from 'tenantry/express';
      import * as forHono from 'tenantry/hono';
      import * as forKoa from 'tenantry/koa';
      import * as queues from 'tenantry/queues';
      const options = { tenantry: createTenantry({ serviceName: 'shop' }), sources: [] };
      const app = express();
      app.use(forExpress.tenantryExpress(options));
      app.get('/x', forExpress.requireTenant({ allow: (tenant) => tenant.plan === 'team' }), (_request, response) => {
        response.json(currentTenant());
      });
      new Koa().use(forKoa.tenantryKoa(options)).use(forKoa.requireTenant());
      new Hono().use(forHono.tenantryHono(options)).get('/x', forHono.requireTenant(), (c) => c.text('x'));
      export const run = graphqlExecute(execute);
      export const headers: Record<string, string> = tenantBaggageFor(new URL('http://a'), ['a']);
      export const processor: Processor<{ to: string }, number> = queues.bullmqProcessor(async (job) => job.attemptsMade);
      export const work: PgBoss.WorkHandler<{ to: string }> = queues.pgBossHandler(async (job) => job.expireInSeconds);
      export const eachMessage: EachMessageHandler = queues.kafkaEachMessage(async ({ partition }) => void partition);
      export const send = (producer: Producer, channel: Channel) => [
        producer.send({ topic: 'mail', messages: [queues.kafkaMessage({ value: 'v' })] }),
        channel.sendToQueue('mail', Buffer.from('x'), queues.amqpOptions({ persistent: true })),
        channel.consume('mail', queues.amqpConsumer((message) => message?.content)),
      ];
    `,
    );
    expect(output).toEqual([]);
  });
});

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeTraceRequest, spansOf } from '../support/otlp-proto.ts';
import { sampleRequest, sampleSpan } from '../support/otlp-samples.ts';
import { namesIn, sealedRecords, temporaryDataDir } from '../support/otlp-segment.ts';

const PROGRAM = new URL('../../dist/ingest/main.js', import.meta.url).pathname;
const KEY = 'process-test-key-0123456789';

let dir: ReturnType<typeof temporaryDataDir>;
let children: ChildProcess[];
let agent: Agent;

beforeEach(() => {
  dir = temporaryDataDir();
  children = [];
  agent = new Agent({ keepAlive: true });
});

afterEach(async () => {
  agent.destroy();
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  dir.remove();
});

function environment(more: Record<string, string> = {}) {
  return {
    PATH: process.env['PATH'],
    TENANTRY_DATA_DIR: dir.path,
    TENANTRY_OTLP_HTTP_PORT: '0',
    TENANTRY_OTLP_GRPC_PORT: '0',
    TENANTRY_INGEST_KEY: KEY,
    TENANTRY_SEGMENT_BYTES: '20000',
    TENANTRY_SEGMENT_AGE_MS: '50',
    ...more,
  };
}

async function startChild(more: Record<string, string> = {}): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(PROGRAM, { env: environment(more), stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  children.push(child);
  const [message] = await once(child, 'message');
  expect(message).toEqual({ type: 'ready', httpPort: expect.any(Number), grpcPort: expect.any(Number) });
  return { child, port: (message as { httpPort: number }).httpPort };
}

/** The status, or 0 when the connection broke. */
function post(port: number, name: string): Promise<number> {
  const body = encodeTraceRequest(sampleRequest([sampleSpan(name)]));
  return new Promise((resolve) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/v1/traces',
        agent,
        headers: { 'content-type': 'application/x-protobuf', 'x-tenantry-key': KEY, 'content-length': body.length },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', () => resolve(0));
      },
    );
    request.on('error', () => resolve(0));
    request.end(body);
  });
}

/** Keeps `senders` requests in the air until the connection breaks; returns the names that were acknowledged. */
async function load(
  port: number,
  senders: number,
  prefix: string,
): Promise<{ acknowledged: string[]; sent: Set<string> }> {
  const acknowledged: string[] = [];
  const sent = new Set<string>();
  const sender = async (index: number) => {
    for (let count = 0; ; count++) {
      const name = `${prefix}-${index}-${count}`;
      sent.add(name);
      const status = await post(port, name);
      if (status !== 200) return;
      acknowledged.push(name);
    }
  };
  await Promise.all(Array.from({ length: senders }, (_, index) => sender(index)));
  return { acknowledged, sent };
}

function storedNames(): string[] {
  return sealedRecords(dir.spool).flatMap((record) => {
    expect(record.crcMatches).toBe(true);
    return spansOf(record.request).map((span) => span.name ?? '');
  });
}

describe('the ingest process', () => {
  it('loses nothing that it acknowledged and doubles nothing when it is killed under load, again and again', async () => {
    const acknowledged: string[] = [];
    const sent = new Set<string>();
    for (let round = 0; round < 12; round++) {
      const { child, port } = await startChild();
      const loaded = load(port, 8, `round${round}`);
      // Not a wait for something: the point is to kill at a moment that nothing in the process expects.
      setTimeout(() => child.kill('SIGKILL'), 20 + Math.random() * 150);
      await once(child, 'exit');
      const result = await loaded;
      acknowledged.push(...result.acknowledged);
      for (const name of result.sent) sent.add(name);
    }
    const { child } = await startChild();
    child.kill('SIGTERM');
    await once(child, 'exit');

    expect(acknowledged.length).toBeGreaterThan(100);
    const stored = storedNames();
    expect(new Set(stored).size).toBe(stored.length);
    const storedSet = new Set(stored);
    expect(acknowledged.filter((name) => !storedSet.has(name))).toEqual([]);
    expect(stored.filter((name) => !sent.has(name))).toEqual([]);
    expect(namesIn(dir.spool, 'open')).toEqual([]);
    expect(namesIn(dir.spool, 'quarantine')).toEqual([]);
  }, 60_000);

  it.each(['SIGTERM', 'SIGINT'] as const)('on %s finishes, seals and exits with 0 under load', async (signal) => {
    const { child, port } = await startChild({ TENANTRY_SEGMENT_AGE_MS: '3600000' });
    const loaded = load(port, 8, 'term');
    while ((await post(port, `warm-${Math.random()}`)) !== 200);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
    const { acknowledged } = await loaded;
    const stored = storedNames();
    expect(new Set(stored).size).toBe(stored.length);
    expect(acknowledged.filter((name) => !stored.includes(name))).toEqual([]);
    expect(namesIn(dir.spool, 'open')).toEqual([]);
  });

  it('exits when its parent is gone', async () => {
    const { child, port } = await startChild();
    expect(await post(port, 'one')).toBe(200);
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(storedNames()).toEqual(['one']);
  });

  it('refuses to share a data directory, and says so', async () => {
    const { port } = await startChild();
    const second = spawn(process.execPath, [PROGRAM], { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(second);
    let log = '';
    second.stderr.on('data', (chunk) => {
      log += String(chunk);
    });
    expect(await once(second, 'close')).toEqual([1, null]);
    expect(log).toContain('another ingest process writes to');
    expect(log).toContain('TENANTRY_DATA_DIR');
    expect(await post(port, 'still there')).toBe(200);
  });

  it('prints its port when it has no parent to tell', async () => {
    const child = spawn(process.execPath, [PROGRAM], { env: environment(), stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    const [line] = await once(child.stdout, 'data');
    const port = Number(/port (\d+)/.exec(String(line))?.[1]);
    expect(await post(port, 'one')).toBe(200);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

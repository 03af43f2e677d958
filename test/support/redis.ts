import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const NO_REDIS = 'redis-server is not installed (Debian: apt-get install redis-server)';

export interface TestRedis {
  readonly port: number;
  stop(): Promise<void>;
}

/** Redis knows no "any free port": the system picks one, which is free again by the time Redis asks for it. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A real Redis of its own on a free port; undefined where none is installed. */
export async function startTestRedis(): Promise<TestRedis | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-redis-'));
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!(await isReady(server))) {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
  return {
    port,
    stop: async () => {
      const ended = once(server, 'exit');
      server.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isReady(server: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(false) : reject(error)));
    server.on('exit', (code) => reject(new Error(`redis-server ended with code ${code} before it was ready`)));
    server.stdout?.on('data', (text: Buffer) => {
      if (text.includes('Ready to accept connections')) resolve(true);
    });
  });
}

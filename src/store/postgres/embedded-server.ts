/** One run of the embedded server: spawn, wait until it takes connections, stop. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { CHILD_ENV, type ServerUser } from './embedded-binaries.ts';
import { clusterFolder, shareFolder } from './embedded-cluster.ts';
import { ownerMark } from './embedded-holder.ts';

const SETPRIV = 'setpriv';
const DIE_WITH_PARENT = ['--pdeathsig', 'INT'];
const LOG_LINES_KEPT = 20;
/** Replaying the write-ahead log after a kill takes time; the server says so in its log meanwhile. */
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 10;
/** How long a fast, then an immediate shutdown may take before the next harder signal. */
const STOP_STEPS = [
  ['SIGINT', 10_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
] as const;

export interface LaunchOptions {
  readonly dataDir: string;
  readonly binaries: string;
  readonly user: ServerUser | undefined;
  readonly port: number;
  readonly log: Logger;
}

export interface EmbeddedServer {
  readonly port: number;
  /** Settles when the process has ended, whatever the cause. */
  readonly exited: Promise<void>;
  /** True once the server takes connections, false if it ended before. */
  readonly ready: Promise<boolean>;
  /** The last lines that it wrote. */
  lastLines(): string;
  stop(): Promise<void>;
}

/** Starts the postmaster. It ends with this process, however that ends (on Linux). */
export async function launchServer(options: LaunchOptions): Promise<EmbeddedServer> {
  const folder = await shareFolder(clusterFolder(options.dataDir), options.user);
  const postgres = [join(options.binaries, 'bin', 'postgres'), ...settings(`${folder.childPath}/data`, options.port)];
  const command = canDieWithParent() ? [SETPRIV, ...DIE_WITH_PARENT, ...postgres] : postgres;
  const child = spawn(command[0] ?? '', command.slice(1), {
    ...options.user,
    cwd: '/',
    env: CHILD_ENV,
    stdio: folder.stdio,
    // A process group of its own: Ctrl-C reaches this process only, which then stops things in the right order.
    detached: true,
  });
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  const lines = keepLastLines(child, options.log);
  await folder.close();
  if (command === postgres) endWithThisProcess(child);
  return {
    port: options.port,
    exited,
    ready: waitUntilReady(child, join(clusterFolder(options.dataDir), 'data', 'postmaster.pid'), exited),
    lastLines: () => lines.join(' | '),
    stop: () => stop(child, exited),
  };
}

function settings(data: string, port: number): string[] {
  const values = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    // TCP only: a socket file in /tmp would be another door, and its path is limited to 107 bytes.
    unix_socket_directories: '',
    cluster_name: 'tenantry',
    lc_messages: 'C',
    // The text of failed statements can hold values.
    log_min_error_statement: 'panic',
    'tenantry.owner': ownerMark(),
  };
  return ['-D', data, ...Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/**
 * Whether `setpriv --pdeathsig` works here (util-linux). The signal is tied to the thread that started the child:
 * call `launchServer` from the main thread, not from a worker that ends earlier.
 */
function canDieWithParent(): boolean {
  if (process.platform !== 'linux') return false;
  return spawnSync(SETPRIV, [...DIE_WITH_PARENT, 'true'], { env: CHILD_ENV, stdio: 'ignore' }).status === 0;
}

/** Second best where the kernel does not do it: covers every end but kill -9, after which `dislodge` cleans up. */
function endWithThisProcess(child: ChildProcess): void {
  const end = () => child.kill('SIGINT');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}

function keepLastLines(child: ChildProcess, log: Logger): readonly string[] {
  const lines: string[] = [];
  child.once('error', (error) => lines.push(error.message));
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > LOG_LINES_KEPT) lines.shift();
      log.debug({ line }, 'embedded PostgreSQL');
    });
  }
  return lines;
}

async function waitUntilReady(child: ChildProcess, pidFile: string, exited: Promise<void>): Promise<boolean> {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!ended && performance.now() < deadline) {
    if (saysReady(pidFile, child.pid)) {
      letProcessEnd(child);
      return true;
    }
    await delay(READY_POLL_MS);
  }
  if (!ended) await stop(child, exited);
  return false;
}

/** Line 1 of the file is the server's process id, line 8 its state. */
function saysReady(pidFile: string, pid: number | undefined): boolean {
  if (!existsSync(pidFile)) return false;
  try {
    const lines = readFileSync(pidFile, 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    // Removed between the two calls.
    return false;
  }
}

/** The server serves this process and must not keep it alive. */
function letProcessEnd(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
}

async function stop(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.ref();
  for (const [signal, patienceMs] of STOP_STEPS) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill(signal);
    const patience = new AbortController();
    const ended = await Promise.race([
      exited.then(() => true),
      delay(patienceMs, false, { signal: patience.signal }).catch(() => false),
    ]);
    patience.abort();
    if (ended) return;
  }
}

/** A port of 127.0.0.1 that is free now. It may be taken before the server binds it; the caller then tries another. */
export async function findFreePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

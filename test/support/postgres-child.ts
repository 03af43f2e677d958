import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/dist\/$/, '');

export interface HolderWords {
  readonly ownerUrl?: string;
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}

/** Another node process (the built files) that starts the embedded server on `dataDir`; resolves with what it says. */
export async function startHolder(dataDir: string): Promise<{ child: ChildProcess; words: HolderWords }> {
  const script = join(ROOT, 'dist/test/support/children/postgres-holder.js');
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const words = await new Promise<HolderWords>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the child ended with ${code} before it said anything`)));
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line) as HolderWords));
  });
  return { child, words };
}

/** Kills as `kill -9` does and resolves when the process is gone. */
export async function killHard(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Ids of the processes (postmaster and its children) that work in the cluster of `dataDir`. Linux. */
export function serverProcesses(dataDir: string): readonly number[] {
  const data = realpathSync(join(dataDir, 'cluster', 'data'));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === data;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Effective user id of a process. Linux. */
export function userOf(pid: number): number {
  return Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Runs statements one after the other on a connection of their own and returns the last one's rows. */
export async function runSql(url: string, ...statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

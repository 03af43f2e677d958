/**
 * Who holds a data directory. PostgreSQL's own lock (`postmaster.pid`) is the only lock: it is race-free and survives
 * nothing that it should not. What it cannot tell is whether the holder still serves a living Tenantry or is an orphan
 * of a killed one, so every server is started with `-c tenantry.owner=<pid>-<start time>`, which PostgreSQL keeps in
 * `postmaster.opts`.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isAlive } from './embedded-cluster.ts';

export interface Holder {
  readonly pid: number;
  /** False: the id was taken over by some other program, the lock file is a leftover. */
  readonly isServer: boolean;
  readonly ownerPid: number | undefined;
  /** Whether the process that started the server still lives. */
  readonly ownerAlive: boolean;
}

/** Value of `tenantry.owner` for this process. */
export function ownerMark(): string {
  return `${process.pid}-${startTime(process.pid)}`;
}

/** The server that holds `data`, or undefined when nobody does. */
export function readHolder(data: string): Holder | undefined {
  const pid = Number(readText(join(data, 'postmaster.pid')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  const mark = /tenantry\.owner=(\d+)-(\d*)/.exec(readText(join(data, 'postmaster.opts')));
  const ownerPid = mark === null ? undefined : Number(mark[1]);
  const ownerAlive = ownerPid !== undefined && runs(ownerPid) && startTime(ownerPid) === mark?.[2];
  return { pid, isServer: runs(pid) && servesFrom(pid, data), ownerPid, ownerAlive };
}

/**
 * Ends an orphaned server (fast shutdown), or removes the lock file when its process id now belongs to another
 * program, which PostgreSQL by itself cannot tell apart and would refuse to start for ever.
 */
export async function dislodge(holder: Holder, data: string): Promise<void> {
  if (!holder.isServer) await rm(join(data, 'postmaster.pid'), { force: true });
  else {
    try {
      process.kill(holder.pid, 'SIGINT');
    } catch {
      // It ended by itself in the meantime, or is not ours to end: the caller looks again and reports.
    }
  }
}

function servesFrom(pid: number, data: string): boolean {
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data);
    } catch {
      // Not readable: a process of somebody else. Taken for a server, so that nothing of theirs is touched.
      return true;
    }
  }
  const { stdout } = spawnSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' });
  return basename(stdout.trim()).startsWith('postgres');
}

/**
 * A killed process whose parent has not asked for its end (in containers often: for ever) still has its id, and
 * PostgreSQL takes it for alive, but it does nothing any more.
 */
function runs(pid: number): boolean {
  return isAlive(pid) && statFields(pid)[0] !== 'Z';
}

/** Clock ticks after boot at which the process began (tells a reused id apart); empty where /proc does not exist. */
function startTime(pid: number): string {
  return statFields(pid)[19] ?? '';
}

/** State and what follows it in `/proc/<pid>/stat`; nothing where /proc does not exist. */
function statFields(pid: number): readonly string[] {
  const text = readText(`/proc/${pid}/stat`);
  // The command name in parentheses may itself contain spaces and parentheses.
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

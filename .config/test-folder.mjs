/**
 * A folder in memory for the temporary files of a test run. The tests make and remove some hundred thousand files;
 * on ext4 a new one is looked for past all that were removed in the last minutes, which was a quarter of what the
 * stores cost.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, realpathSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

const MEMORY_FILES = '/dev/shm';
const TMPFS = 0x01021994;
/** Of files there are never more than some 100 MB at once; of memory the run itself needs as much again. */
const NEEDED_BYTES = 4 * 1024 ** 3;
const PREFIX = 'tenantry-tests-';

/** The path of the folder, or undefined where there is no place for one: tests then use the usual folder. */
export function makeFolderInMemory() {
  try {
    const base = realpathSync(MEMORY_FILES);
    const { type, bavail, bsize } = statfsSync(base);
    if (type !== TMPFS || bavail * bsize < NEEDED_BYTES || freemem() < 2 * NEEDED_BYTES) return undefined;
    removeLeftovers(base);
    const folder = join(base, `${PREFIX}${process.pid}`);
    mkdirSync(folder);
    // The embedded PostgreSQL runs as another user, whom mkdtemp's mode would keep out.
    chmodSync(folder, 0o1777);
    return runsPrograms(folder) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** In containers the mount often forbids it, and tests start programs that they copied. */
function runsPrograms(folder) {
  const program = join(folder, 'program');
  try {
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
    execFileSync(program);
    rmSync(program);
    return true;
  } catch {
    rmSync(folder, { recursive: true });
    return false;
  }
}

/** Of runs that were killed: what is there is memory. */
function removeLeftovers(base) {
  for (const name of readdirSync(base).filter((entry) => entry.startsWith(PREFIX))) {
    try {
      process.kill(Number(name.slice(PREFIX.length)), 0);
    } catch (error) {
      if (error.code === 'ESRCH') rmSync(join(base, name), { recursive: true, force: true });
    }
  }
}

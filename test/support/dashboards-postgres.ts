import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SignalObservation } from '../../src/domain/signal.ts';
import { clusterFolder } from '../../src/store/postgres/embedded-cluster.ts';
import { Postgres } from '../../src/store/postgres/postgres.ts';
import { SignalStore } from '../../src/store/postgres/signal-store.ts';
import { silentLog } from './postgres.ts';

/** The control plane of a Tenantry that runs in another process on `dataDir`; close it before that ends. */
function openRunningPostgres(dataDir: string): Postgres {
  const cluster = clusterFolder(join(dataDir, 'postgres'));
  const { app } = JSON.parse(readFileSync(join(cluster, 'passwords.json'), 'utf8')) as { app: string };
  // Its fourth line is the port that the server listens on.
  const port = Number(readFileSync(join(cluster, 'data', 'postmaster.pid'), 'utf8').split('\n')[3]);
  return new Postgres({ url: `postgres://tenantry_login:${app}@127.0.0.1:${port}/tenantry`, log: silentLog });
}

export type SeededSignal = Omit<SignalObservation, 'grade'> & { readonly since: number };

/** Enters signals as an evaluation would find them: conditions must hold for days, which no test can wait for. */
export async function seedSignals(dataDir: string, signals: readonly SeededSignal[], now: number): Promise<void> {
  const postgres = openRunningPostgres(dataDir);
  try {
    const begun = signals.map((signal) => ({ ...signal, grade: 'on' as const }));
    await new SignalStore(postgres).apply({ begun, seen: [], ended: [], watches: [], dropped: [] }, now);
  } finally {
    await postgres.close();
  }
}

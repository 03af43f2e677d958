import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { TenantId } from '../domain/tenant-id.ts';
import type { TelemetryEraser } from '../store/clickhouse/deletion.ts';
import type { CertificateStore } from '../store/postgres/deletion-certificates.ts';
import { ERASER } from '../store/postgres/deletion-jobs.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { TenantDirectory } from '../store/postgres/tenant-directory.ts';
import type { InstallationKey } from './deletion-key.ts';
import type { TenantMemory } from './deletion-memory.ts';
import type { TenantRegister } from './seen-tenants.ts';

export interface LateRowsOptions {
  readonly postgres: Postgres;
  readonly certificates: Pick<CertificateStore, 'tombstones' | 'deletedAmong'>;
  readonly key: InstallationKey;
  readonly telemetry: TelemetryEraser;
  readonly memories: readonly TenantMemory[];
  readonly directory: TenantDirectory;
  readonly onSwept: (rows: number) => void;
  readonly log: Logger;
}

/** Counts the rows that `onSwept` tells of. */
export function lateRowsCounter(registry: Registry): Counter {
  return new Counter({
    name: 'tenantry_deletion_late_rows',
    help: 'Rows that came for tenants after their deletion, and were deleted too',
    registers: [registry],
  });
}

/**
 * What comes for a tenant after its deletion, as from an app that nobody has told: it does not bring the tenant back, and
 * is deleted, too. A tenant that people enter anew is none of these.
 */
export class LateRows implements TenantRegister {
  readonly #options: LateRowsOptions;
  readonly #late = new Set<TenantId>();
  #heard = new Set<string>();

  constructor(options: LateRowsOptions) {
    this.#options = options;
  }

  /** @returns those who were deleted: they are not entered */
  async remember(tenants: Iterable<TenantId>): Promise<ReadonlySet<TenantId>> {
    const { certificates, key, directory } = this.#options;
    const all = [...tenants];
    const deleted = await certificates.deletedAmong(all.map((tenantId) => key.pseudonym(tenantId)));
    const gone = deleted.size === 0 ? [] : all.filter((tenantId) => deleted.has(key.pseudonym(tenantId)));
    const standing = await this.#standing(gone);
    const refused = new Set(gone.filter((tenantId) => !standing.has(tenantId)));
    for (const tenantId of refused) this.#late.add(tenantId);
    await directory.remember(all.filter((tenantId) => !refused.has(tenantId)));
    return refused;
  }

  /** Makes this process forget those whom another server has deleted: here nobody knows more of them than a hash. */
  async hear(): Promise<void> {
    const { certificates, key, memories } = this.#options;
    const tombstones = await certificates.tombstones();
    const fresh = new Set(
      tombstones.map(({ pseudonym }) => pseudonym).filter((pseudonym) => !this.#heard.has(pseudonym)),
    );
    if (fresh.size === 0) return;
    for (const memory of memories) memory.forget((tenantId) => fresh.has(key.pseudonym(tenantId)));
    this.#heard = new Set(tombstones.map(({ pseudonym }) => pseudonym));
  }

  /** Deletes what has come since. */
  async sweep(): Promise<void> {
    const { telemetry, onSwept, log } = this.#options;
    const tenants = [...this.#late];
    const standing = await this.#standing(tenants);
    for (const tenantId of tenants) {
      this.#late.delete(tenantId);
      if (standing.has(tenantId)) continue;
      let total = 0;
      for (const { table, rows } of await telemetry.count(tenantId)) {
        if (rows === 0) continue;
        await telemetry.erase(tenantId, table);
        total += rows;
      }
      if (total === 0) continue;
      onSwept(total);
      log.warn({ rows: total }, 'telemetry came for a tenant that was deleted, and was deleted too');
    }
  }

  async #standing(tenants: readonly TenantId[]): Promise<ReadonlySet<TenantId>> {
    if (tenants.length === 0) return new Set();
    const rows = await this.#options.postgres.inStaffTransaction(ERASER, (transaction) =>
      transaction.query<{ id: TenantId }>('select tenant_id as id from tenantry.tenants where tenant_id = any($1)', [
        tenants,
      ]),
    );
    return new Set(rows.map(({ id }) => id));
  }
}

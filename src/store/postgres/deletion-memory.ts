import type { TenantId } from '../../domain/tenant-id.ts';
import { ERASER } from './deletion-jobs.ts';
import type { Postgres } from './postgres.ts';

export interface MemoryRewriters {
  /** The shard's state without the tenant. @throws whatever a state of another version makes it throw */
  readonly shard: (shard: number, state: Uint8Array) => Uint8Array;
  /** The state of the fast rule without the tenant; null: it cannot be read. */
  readonly text: (text: string) => string | null;
}

/**
 * Takes a tenant out of what detectors have written down of themselves. What cannot be read is dropped, and learnt anew.
 * @returns whether anything was there
 */
export async function forgetInStore(
  postgres: Postgres,
  tenantId: TenantId,
  rewrite: MemoryRewriters,
): Promise<boolean> {
  const name = Buffer.from(tenantId);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(name.length);
  return postgres.inStaffTransaction(ERASER, async (transaction) => {
    transaction.unaudited('part of a deletion, whose beginning and end are audited');
    // A name stands there behind its length (src/detect/minute-detector.ts), so that no longer one is taken for it.
    const shards = await transaction.query<{ shard: number; state: Uint8Array }>(
      'select shard, state from tenantry.detector_state where position($1::bytea in state) > 0 order by shard for update',
      [Buffer.concat([length, name])],
    );
    for (const { shard, state } of shards) {
      const without = attempt(() => rewrite.shard(shard, state));
      if (without === undefined) {
        await transaction.query('delete from tenantry.detector_state where shard = $1', [shard]);
      } else {
        await transaction.query('update tenantry.detector_state set state = $2 where shard = $1', [
          shard,
          Buffer.from(without),
        ]);
      }
    }
    const [policy] = await transaction.query<{ detector: string }>(
      'select detector from tenantry.policy_state where strpos(detector, $1) > 0 for update',
      [JSON.stringify(tenantId)],
    );
    if (policy !== undefined) {
      await transaction.query('update tenantry.policy_state set detector = $1', [rewrite.text(policy.detector)]);
    }
    return shards.length > 0 || policy !== undefined;
  });
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

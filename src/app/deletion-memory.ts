/** What detectors and directories remember of tenants: in this process, in the control plane, in a file of the data directory. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { restoreState, serializeState, withoutTenants } from '../detect/detector-state.ts';
import { MinuteDetector } from '../detect/minute-detector.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { forgetInStore } from '../store/postgres/deletion-memory.ts';
import type { Postgres } from '../store/postgres/postgres.ts';

/** Something in this process that knows tenants by name. */
export interface TenantMemory {
  forget(isGone: (tenantId: string) => boolean): void;
}

export interface ForgetOptions {
  readonly postgres: Postgres;
  readonly memories: readonly TenantMemory[];
  /** Where the fast rule keeps its state. */
  readonly stateFile: string;
}

/** Makes everything here forget one tenant. Other servers hear of it by the list of those who were deleted. */
export async function forgetTenant(
  { postgres, memories, stateFile }: ForgetOptions,
  tenantId: TenantId,
): Promise<void> {
  const isGone = (id: string) => id === tenantId;
  for (const memory of memories) memory.forget(isGone);
  await forgetInStore(postgres, tenantId, {
    shard: (shard, state) => {
      const detector = new MinuteDetector('tenantry', () => undefined);
      detector.restore(shard, state);
      detector.forget(isGone);
      return detector.save(shard);
    },
    text: (text) => textWithout(text, isGone),
  });
  const text = await readFile(stateFile, 'utf8').catch(() => undefined);
  if (text?.includes(JSON.stringify(tenantId)) !== true) return;
  const temporary = `${stateFile}.forgetting`;
  await writeFile(temporary, textWithout(text, isGone) ?? '{}');
  await rename(temporary, stateFile);
}

function textWithout(text: string, isGone: (tenantId: string) => boolean): string | null {
  const state = restoreState(text);
  return state === undefined ? null : serializeState(withoutTenants(state, isGone));
}

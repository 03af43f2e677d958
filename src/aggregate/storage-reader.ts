import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { STORE_KINDS, type StoreKind } from '../domain/storage.ts';
import { isReservedTenant, isTenantId, type TenantId } from '../domain/tenant-id.ts';
import { HOUR_MS } from '../domain/window.ts';
import { storage } from './queries/across-tenants/storage.ts';
import { type StorageByteHoursRow, storageByteHours } from './queries/across-tenants/storage-byte-hours.ts';
import { type StorageHolderRow, storageHolders } from './queries/across-tenants/storage-holders.ts';
import { tenantStorage } from './queries/tenant-storage.ts';
import type { StorageListQuestion, StorageListRow } from './storage-sql.ts';
import type { UsageRow, UsageSource, UsageSourceQuestion } from './usage-source.ts';

/** What one tenant stores in one store. */
interface StoredByTenant {
  readonly tenantId: TenantId;
  readonly store: string;
  /** Null with the figures below: no value within the longest time that one holds. */
  readonly kind: StoreKind | null;
  readonly bytes: bigint;
  readonly errorBytes: bigint | null;
  readonly objects: bigint | null;
  readonly method: string;
  /** Unix ms. */
  readonly measuredAt: number | null;
  readonly byteHours: bigint;
  /** Part of the window of which anything is known. */
  readonly coveredShare: number;
}

export interface StorageList {
  readonly items: readonly StoredByTenant[];
  /** Over all pages. */
  readonly total: number;
}

const HOUR = BigInt(HOUR_MS);

/** What is stored, the most byte-hours first; of one tenant alone where one is named. */
export async function readStorage(
  reader: AnalyticsReader,
  question: StorageListQuestion & { readonly tenantId: TenantId | undefined },
): Promise<StorageList> {
  const query = question.tenantId === undefined ? storage(question) : tenantStorage(question.tenantId, question);
  const rows = await reader.rows<StorageListRow>(query);
  const length = question.window.to - question.window.from;
  const items = rows.flatMap((row): StoredByTenant[] => {
    const tenantId = namedTenant(row.tenant_id);
    if (tenantId === undefined) return [];
    return [
      {
        tenantId,
        store: row.store,
        kind: kindOf(row.kind) ?? null,
        bytes: BigInt(row.bytes),
        errorBytes: row.error_bytes === null ? null : BigInt(row.error_bytes),
        objects: row.objects === null ? null : BigInt(row.objects),
        method: row.method,
        measuredAt: row.measured_at === 0 ? null : row.measured_at,
        byteHours: BigInt(row.byte_ms) / HOUR,
        coveredShare: Math.min(1, row.covered_ms / length),
      },
    ];
  });
  return { items, total: rows[0]?.total ?? 0 };
}

/** Tenants that had anything in a store and its parts by the newest gauges before `at`, with the part's name. */
export async function readStorageHolders(
  reader: AnalyticsReader,
  store: string,
  at: number,
): Promise<readonly { readonly tenantId: TenantId; readonly store: string; readonly kind: StoreKind }[]> {
  const rows = await reader.rows<StorageHolderRow>(storageHolders(store, at));
  return rows.flatMap((row) => {
    const tenantId = namedTenant(row.tenant_id);
    const kind = kindOf(row.kind);
    return tenantId === undefined || kind === undefined ? [] : [{ tenantId, store: row.store, kind }];
  });
}

/** Where `storage_byte_hours` comes from. */
export function storageUsageSource(reader: AnalyticsReader): UsageSource {
  return {
    answers: (metric) => metric === 'storage_byte_hours',
    read: async (question) => {
      const rows = await reader.rows<StorageByteHoursRow>(storageByteHours(question));
      return usageRows(rows, question);
    },
  };
}

/** Whole byte-hours; what is left over of one step goes to the next, so that steps add up to the total. */
function usageRows(rows: readonly StorageByteHoursRow[], question: UsageSourceQuestion): UsageRow[] {
  const byteMs = new Map<TenantId, bigint>();
  return rows
    .toSorted((left, right) => left.at - right.at)
    .flatMap((row): UsageRow[] => {
      const tenantId = namedTenant(row.tenant_id);
      if (tenantId === undefined) return [];
      const before = byteMs.get(tenantId) ?? 0n;
      const after = before + BigInt(row.byte_ms);
      byteMs.set(tenantId, after);
      const at = question.step === undefined ? question.window.from : row.at * 1_000;
      return [{ tenantId, at, values: new Map([['storage_byte_hours', after / HOUR - before / HOUR]]) }];
    });
}

function namedTenant(text: string): TenantId | undefined {
  return isTenantId(text) || isReservedTenant(text) ? text : undefined;
}

function kindOf(text: string): StoreKind | undefined {
  return STORE_KINDS.find((kind) => kind === text);
}

import { type CatalogOptions, readCatalog } from './storage-catalog.ts';
import { StorageSession, type StorageSessionOptions } from './storage-session.ts';
import { StorageTable } from './storage-table.ts';

export type StorageDatabaseOptions = StorageSessionOptions & CatalogOptions;

/** The tables of one database of the operator's. */
export interface StorageDatabase {
  readonly tables: readonly StorageTable[];
  /** Tables with a tenant column that cannot be measured, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Size of all tables that are not in `tables`. */
  readonly otherBytes: bigint;
  close(): Promise<void>;
}

/** @throws TenantryError STORE_UNAVAILABLE, NOT_SUPPORTED_HERE, QUERY_TIMEOUT */
export async function openStorageDatabase(options: StorageDatabaseOptions): Promise<StorageDatabase> {
  const session = await StorageSession.open(options);
  try {
    const { tables, skipped, otherBytes } = await readCatalog(session, options);
    return {
      tables: tables.map((table) => new StorageTable(session, table)),
      skipped,
      otherBytes,
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

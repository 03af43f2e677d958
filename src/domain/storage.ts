import type { TenantId } from './tenant-id.ts';

/** What can hold data of tenants. `vector`: a Postgres table with a vector column; `pushed`: told by the app itself. */
export const STORE_KINDS = [
  'postgres',
  'vector',
  'clickhouse',
  's3',
  'qdrant',
  'pinecone',
  'weaviate',
  'pushed',
] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

/** A store, or a part of it behind a colon: `orders-db`, `orders-db:vector`, `files:GLACIER`. */
export const STORE_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?::[A-Za-z0-9._-]{1,64})?$/;
/** A store without a part, as a target is named. */
export const TARGET_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** How many bytes a tenant had in a store at one moment. */
export interface StorageGauge {
  readonly tenantId: TenantId;
  readonly store: string;
  readonly kind: StoreKind;
  /** Unix ms. */
  readonly at: number;
  readonly bytes: bigint;
  /** Standard error of `bytes`; 0n: counted. Null: nobody can say, as where a count is multiplied with a usual size. */
  readonly errorBytes: bigint | null;
  /** Rows, objects or points; null where they were not counted. */
  readonly objects: bigint | null;
  /** How it was found out, in a word or two. */
  readonly method: string;
  /** How long the value is taken to last if no newer one comes. */
  readonly holdMs: number;
}

/** Who is told as what when a collector has measured: everything but the time and how long it holds. */
export type MeasuredSize = Omit<StorageGauge, 'at' | 'holdMs' | 'store'> & {
  /** Behind the colon of the store's name; absent: the store itself. */
  readonly part?: string | undefined;
};

/** A value is believed for so many intervals of its target; from there on nothing is known, and nothing is counted. */
export const HOLD_INTERVALS = 3;
/** For values that an app pushed without saying how long they hold: daily jobs, and two of them lost. */
export const PUSHED_HOLD_MS = 72 * 3_600_000;
/** The longest that any value holds, so that the past that has to be looked at is bounded. */
export const LONGEST_HOLD_MS = 31 * 24 * 3_600_000;

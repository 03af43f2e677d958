import { type Gap, gapsOf, weightsOf } from './block-picks.ts';
import { PAGE_BYTES, type SampledBlock, type TableFacts, type TenantRows } from './table-source.ts';

/** Under this name go rows without a tenant: PostgreSQL's texts cannot hold a NUL, so no tenant is called so. */
export const NO_TENANT = '\0';
const PAGE_HEADER_BYTES = 24;
/** Chunks of 1996 bytes, four to a page: what a TOAST table needs for a byte that is kept in it. */
const TOAST_BYTES_PER_BYTE = PAGE_BYTES / (4 * 1_996);
/** A TOAST table that is fuller than this by the sample's estimate has no free space to speak of. */
const FULL_SHARE = 0.85;

/** What one tenant has on one page, and what that is worth in bytes of the whole table. */
interface PageShare {
  readonly tenant: string;
  readonly found: TenantRows;
  /** For what is on the page, and for the index entries. */
  readonly pageBytes: number;
}

export interface ValuedPage {
  readonly block: number;
  readonly shares: readonly PageShare[];
}

/** A sample in ascending order, the pages between, and how bytes of the table's parts follow from what a row shows. */
export interface ValuedSample {
  readonly pages: readonly ValuedPage[];
  readonly gaps: readonly Gap[];
  readonly weights: Float64Array;
  readonly prices: Prices;
  /** Bytes of heap, TOAST and indexes that belong to rows; the rest is free space. */
  readonly attributedBytes: number;
}

/** Bytes of the table for one unit of what a row shows. */
interface Prices {
  readonly heap: number;
  readonly outside: number;
  readonly row: number;
  readonly partial: readonly number[];
}

/**
 * A page's overhead belongs to its rows: the header, what fillfactor keeps free, and a rest too small for another row.
 * What is free beyond that belongs to nobody. The factor by which the bytes of the rows grow.
 */
function overheadFactor({ tenants }: SampledBlock, reservedBytes: number): number {
  const rows = tenants.reduce((sum, each) => sum + each.rows, 0);
  const used = tenants.reduce((sum, each) => sum + each.heap, 0);
  if (used === 0) return 0;
  const allowed = used + PAGE_HEADER_BYTES + reservedBytes + used / rows;
  return Math.min(PAGE_BYTES, allowed) / used;
}

/** Values every page of the sample. Blocks must be distinct and ascending. */
export function valueSample(sample: readonly SampledBlock[], facts: TableFacts): ValuedSample {
  const blocks = sample.map(({ block }) => block);
  const gaps = gapsOf(blocks, facts.heapPages);
  const weights = weightsOf(blocks, gaps);
  const factors = sample.map((block) => overheadFactor(block, facts.reservedBytes));
  const total = (of: (found: TenantRows, index: number) => number) =>
    sample.reduce(
      (sum, { tenants }, index) =>
        sum + (weights[index] ?? 0) * tenants.reduce((inner, found) => inner + of(found, index), 0),
      0,
    );

  const heapPerPageByte = Number(facts.heapBytes) / Math.max(1, facts.heapPages * PAGE_BYTES);
  const heap = total((found, index) => found.heap * (factors[index] ?? 0)) * heapPerPageByte;
  const outside = total((found) => found.outside);
  const outsideBytes = occupied(outside * TOAST_BYTES_PER_BYTE, Number(facts.toastBytes));
  const rows = total((found) => found.rows);
  const partial = facts.partialIndexBytes.map((bytes, position) =>
    per(
      Number(bytes),
      total((found) => found.inPartial[position] ?? 0),
    ),
  );
  const indexed = facts.partialIndexBytes.reduce(
    (sum, bytes, position) => sum + (partial[position] === 0 ? 0 : Number(bytes)),
    rows === 0 ? 0 : Number(facts.plainIndexBytes),
  );
  const prices: Prices = {
    heap: heapPerPageByte,
    outside: per(outsideBytes, outside),
    row: per(Number(facts.plainIndexBytes), rows),
    partial,
  };
  const pages = sample.map(({ block, tenants }, index) => ({
    block,
    shares: tenants.map((found) => ({
      tenant: found.tenant ?? NO_TENANT,
      found,
      pageBytes: pageBytesOf(found, prices, factors[index] ?? 0),
    })),
  }));
  return { pages, gaps, weights, prices, attributedBytes: heap + outsideBytes + indexed };
}

function pageBytesOf(found: TenantRows, prices: Prices, overhead: number): number {
  const partial = found.inPartial.reduce((sum, rows, position) => sum + rows * (prices.partial[position] ?? 0), 0);
  return found.heap * overhead * prices.heap + found.rows * prices.row + partial;
}

function occupied(estimate: number, size: number): number {
  if (estimate === 0) return 0;
  return estimate >= FULL_SHARE * size ? size : estimate;
}

function per(bytes: number, units: number): number {
  return units === 0 ? 0 : bytes / units;
}

import type {
  ContractMember,
  ContractTerms,
  PriceEntry,
  PriceKind,
  PriceLayer,
  PriceTerms,
} from '../../domain/price.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';

/** A row as the driver gives it; bigint comes as text. */
export interface PriceRow {
  readonly id: string;
  readonly layer: PriceLayer;
  readonly owner: string;
  readonly provider: string;
  readonly model: string;
  readonly variant: PriceTerms['variant'];
  readonly kind: PriceKind;
  readonly daily_from: number;
  readonly daily_to: number;
  readonly base_pico: string;
  readonly steps: readonly (readonly [number, string])[];
  readonly effective_from: number | null;
  readonly effective_to: number | null;
  readonly source: PriceTerms['source'];
  readonly source_ref: string;
  readonly added_in: string;
}

const TERMS = `provider, model, variant, kind, daily_from, daily_to, base_pico, steps,
  ${unixMs('effective_from')} as effective_from, ${unixMs('effective_to')} as effective_to, source, source_ref, added_in`;

/** Both tables of prices as one, ids told apart by a letter. `$1` = version; null: the newest. */
export const PRICES_AT = `
  select 'p' || id as id, layer, contract as owner, ${TERMS} from tenantry.prices where ${heldAt()}
  union all
  select 'o' || id as id, 'tenant' as layer, tenant_id as owner, ${TERMS} from tenantry.price_overrides where ${heldAt()}`;

/** Rows that version `$1` has. */
function heldAt(): string {
  return `case when $1::bigint is null then ended_in is null
               else added_in <= $1 and (ended_in is null or ended_in > $1) end`;
}

export const CONTRACTS_AT = `
  select name, discount_bps as "discountBps", ${unixMs('effective_from')} as "effectiveFrom",
         ${unixMs('effective_to')} as "effectiveTo"
  from tenantry.contracts where ${heldAt()} order by name`;

export const MEMBERS_AT = `
  select contract, tenant_id as "tenantId", ${unixMs('effective_from')} as "effectiveFrom",
         ${unixMs('effective_to')} as "effectiveTo"
  from tenantry.contract_members where ${heldAt()} order by tenant_id, effective_from nulls first`;

export type ContractRow = ContractTerms;
export type MemberRow = ContractMember;

export function entryOf(row: PriceRow): PriceEntry {
  const { id, layer, owner, provider, model, variant, kind, source } = row;
  return {
    ...{ id, layer, owner, provider, model, variant, kind, source },
    daily: row.daily_from < 0 ? null : { from: row.daily_from, to: row.daily_to },
    rate: { base: BigInt(row.base_pico), steps: row.steps.map(([over, pico]) => ({ over, pico: BigInt(pico) })) },
    effectiveFrom: row.effective_from,
    effectiveTo: row.effective_to,
    sourceRef: row.source_ref,
    version: Number(row.added_in),
  };
}

/** Added prices as parallel arrays for `unnest`: one statement however many there are. */
export function termsColumns(terms: readonly PriceTerms[]): readonly unknown[] {
  return [
    terms.map(({ provider }) => provider),
    terms.map(({ model }) => model),
    terms.map(({ variant }) => variant),
    terms.map(({ kind }) => kind),
    terms.map(({ daily }) => daily?.from ?? -1),
    terms.map(({ daily }) => daily?.to ?? -1),
    terms.map(({ rate }) => String(rate.base)),
    terms.map(({ rate }) => JSON.stringify(rate.steps.map(({ over, pico }) => [over, String(pico)]))),
    terms.map(({ effectiveFrom }) => effectiveFrom),
    terms.map(({ effectiveTo }) => effectiveTo),
    terms.map(({ source }) => source),
    terms.map(({ sourceRef }) => sourceRef),
  ];
}

const WRITTEN = `provider, model, variant, kind, daily_from, daily_to, base_pico, steps, effective_from, effective_to,
  source, source_ref, added_in`;

/** `$1` = version, `$2` = owners, `$3`… = termsColumns. */
function insertTerms(table: string, ownerColumns: string, ownerValues: string): string {
  return `insert into tenantry.${table} (${ownerColumns}, ${WRITTEN})
    select ${ownerValues}, provider, model, variant, kind, daily_from, daily_to, base_pico, steps,
           ${fromUnixMs('effective_from')}, ${fromUnixMs('effective_to')}, source, source_ref, $1
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::int[], $9::bigint[],
                $10::jsonb[], $11::float8[], $12::float8[], $13::text[], $14::text[])
         as t (owner, provider, model, variant, kind, daily_from, daily_to, base_pico, steps, effective_from,
               effective_to, source, source_ref)`;
}

export const INSERT_OVERRIDES = insertTerms('price_overrides', 'tenant_id', 'owner');
/** Owners are contracts here. */
export const INSERT_CONTRACT_PRICES = insertTerms('prices', 'layer, contract', "'contract', owner");
export const INSERT_BOOK_PRICES = insertTerms('prices', 'layer, contract', "'book', ''");
export const INSERT_SEED_PRICES = insertTerms('prices', 'layer, contract', "'seed', ''");

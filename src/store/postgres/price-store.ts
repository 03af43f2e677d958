import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { ContractMember, ContractTerms, PriceBookData, PriceLayer, PriceTerms } from '../../domain/price.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import {
  CONTRACTS_AT,
  type ContractRow,
  entryOf,
  INSERT_BOOK_PRICES,
  INSERT_CONTRACT_PRICES,
  INSERT_OVERRIDES,
  INSERT_SEED_PRICES,
  MEMBERS_AT,
  type MemberRow,
  PRICES_AT,
  type PriceRow,
  termsColumns,
} from './price-rows.ts';
import { currentRevision, nextRevision } from './revisions.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

/** A price that a version adds, and whose it is. */
export interface AddedPrice extends PriceTerms {
  readonly layer: PriceLayer;
  readonly owner: string;
}

/** What one version of the book changes: everything at once, or nothing. */
export interface BookChange {
  readonly kind: 'seed' | 'import' | 'edit';
  readonly reason: string;
  /** Ids of prices that hold no more. */
  readonly ended: readonly string[];
  readonly added: readonly AddedPrice[];
  /** Contracts that end, by name; one that is also added is replaced. */
  readonly endedContracts?: readonly string[];
  readonly addedContracts?: readonly ContractTerms[];
  /** Contracts and tenants whose memberships end; those that go on are added again. */
  readonly endedMembers?: readonly { readonly tenantId: string; readonly contract: string }[];
  readonly addedMembers?: readonly ContractMember[];
  /** Refuses the change when the book has another version by now: it was made from what that one said. */
  readonly expectedVersion: number;
  /** Whose terms the change is about, for the audit log. */
  readonly tenantId?: TenantId;
}

export interface PriceVersion {
  readonly version: number;
  readonly kind: BookChange['kind'];
  readonly reason: string;
  readonly added: number;
  readonly ended: number;
  readonly by: string;
  /** Unix ms. */
  readonly at: number;
}

/** So many changed prices are written out in the audit entry; the rest is in the version's rows. */
const AUDITED_PRICES = 50;
const INSERTS: readonly (readonly [PriceLayer, string])[] = [
  ['tenant', INSERT_OVERRIDES],
  ['contract', INSERT_CONTRACT_PRICES],
  ['book', INSERT_BOOK_PRICES],
  ['seed', INSERT_SEED_PRICES],
];

/** The price book as it is kept: versions that are only added to. */
export class PriceStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** The newest version; 0: nobody has written into the book yet. */
  async newest(actor: StaffActor): Promise<number> {
    return this.#postgres.inReadTransaction(actor, (transaction) => currentRevision(transaction, 'prices'));
  }

  /** Everything that a version says; without one, the newest. */
  async read(actor: StaffActor, version?: number): Promise<PriceBookData> {
    return this.#postgres.inReadTransaction(actor, (transaction) => readBook(transaction, version ?? null));
  }

  /**
   * Writes the next version.
   * @returns its number
   * @throws TenantryError CONFLICT when somebody else wrote one first, or when two prices would hold for one thing at once
   */
  async change(actor: StaffActor, change: BookChange): Promise<number> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const version = await nextRevision(transaction, 'prices');
      if (version !== change.expectedVersion + 1) throw changedMeanwhile();
      await writeVersion(transaction, actor, version, change);
      await auditChange(transaction, version, change);
      return version;
    });
  }

  /** Newest first. */
  async versions(actor: StaffActor, limit: number): Promise<readonly PriceVersion[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<PriceVersion>(
        `select version::float8 as version, kind, reason, added, ended, by, ${unixMs('at')} as at
         from tenantry.price_versions order by version desc limit $1`,
        [limit],
      ),
    );
  }
}

export function changedMeanwhile(): TenantryError {
  return new TenantryError('CONFLICT', 'The price book has changed since.', {
    hint: 'Look at the preview again and repeat the request with the version that it tells.',
  });
}

async function readBook(transaction: Transaction, version: number | null): Promise<PriceBookData> {
  // First: what is committed after this is not in the rows, or is in them and will be read once more.
  const newest = await currentRevision(transaction, 'prices');
  const at = [version ?? newest];
  const [rows, contracts, members] = [
    await transaction.query<PriceRow>(PRICES_AT, at),
    await transaction.query<ContractRow>(CONTRACTS_AT, at),
    await transaction.query<MemberRow>(MEMBERS_AT, at),
  ];
  return { version: version ?? newest, entries: rows.map(entryOf), contracts, members };
}

async function writeVersion(
  transaction: StaffTransaction,
  actor: StaffActor,
  version: number,
  change: BookChange,
): Promise<void> {
  const { kind, reason, ended, added, addedContracts = [], endedContracts = [], addedMembers = [] } = change;
  const { endedMembers = [] } = change;
  await transaction.query(
    `insert into tenantry.price_versions (version, kind, reason, added, ended, by) values ($1, $2, $3, $4, $5, $6)`,
    [
      version,
      kind,
      reason,
      added.length + addedContracts.length + addedMembers.length,
      ended.length + endedContracts.length + endedMembers.length,
      actor.subject,
    ],
  );
  const tenants = [
    ...added.filter(({ layer }) => layer === 'tenant').map(({ owner }) => owner),
    ...addedMembers.map(({ tenantId }) => tenantId),
  ] as TenantId[];
  await enterTenants(transaction, [...new Set(tenants)].sort());
  const idsOf = (letter: string) => ended.filter((id) => id.startsWith(letter)).map((id) => id.slice(1));
  await endRows(transaction, version, 'prices', idsOf('p'));
  await endRows(transaction, version, 'price_overrides', idsOf('o'));
  await transaction.query(`update tenantry.contracts set ended_in = $1 where ended_in is null and name = any($2)`, [
    version,
    endedContracts,
  ]);
  await transaction.query(
    `update tenantry.contract_members m set ended_in = $1
     from unnest($2::text[], $3::text[]) as e (tenant_id, contract)
     where m.ended_in is null and m.tenant_id = e.tenant_id and m.contract = e.contract`,
    [version, endedMembers.map(({ tenantId }) => tenantId), endedMembers.map(({ contract }) => contract)],
  );
  for (const [layer, insert] of INSERTS) {
    const terms = added.filter((one) => one.layer === layer);
    if (terms.length > 0)
      await transaction.query(insert, [version, terms.map(({ owner }) => owner), ...termsColumns(terms)]);
  }
  for (const { name, discountBps, effectiveFrom, effectiveTo } of addedContracts) {
    await transaction.query(
      `insert into tenantry.contracts (name, discount_bps, effective_from, effective_to, added_in)
       values ($1, $2, ${fromUnixMs('$3')}, ${fromUnixMs('$4')}, $5)`,
      [name, discountBps, effectiveFrom, effectiveTo, version],
    );
  }
  await transaction.query(
    `insert into tenantry.contract_members (tenant_id, contract, effective_from, effective_to, added_in)
     select tenant_id, contract, ${fromUnixMs('f')}, ${fromUnixMs('t')}, $1
     from unnest($2::text[], $3::text[], $4::float8[], $5::float8[]) as m (tenant_id, contract, f, t)`,
    [
      version,
      addedMembers.map(({ tenantId }) => tenantId),
      addedMembers.map(({ contract }) => contract),
      addedMembers.map(({ effectiveFrom }) => effectiveFrom),
      addedMembers.map(({ effectiveTo }) => effectiveTo),
    ],
  );
}

async function endRows(
  transaction: StaffTransaction,
  version: number,
  table: 'prices' | 'price_overrides',
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const rows = await transaction.query(
    `update tenantry.${table} set ended_in = $1 where ended_in is null and id = any($2::bigint[]) returning id`,
    [version, ids],
  );
  if (rows.length !== ids.length) throw changedMeanwhile();
}

async function auditChange(transaction: StaffTransaction, version: number, change: BookChange): Promise<void> {
  const { kind, reason, ended, added, addedContracts, endedContracts, addedMembers, endedMembers, tenantId } = change;
  await transaction.audit({
    action: `prices.${kind}`,
    resource: `prices/version/${version}`,
    ...(tenantId === undefined ? {} : { tenantId }),
    after: {
      ...{ version, reason, added_prices: added.length, ended_prices: ended.length },
      ended: ended.slice(0, AUDITED_PRICES),
      added: added.slice(0, AUDITED_PRICES).map(({ rate, ...terms }) => ({
        ...terms,
        base_pico: String(rate.base),
        steps: rate.steps.map(({ over, pico }) => [over, String(pico)]),
      })),
      ...{ addedContracts, endedContracts, addedMembers, endedMembers },
    },
  });
}

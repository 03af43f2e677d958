/** Which bill takes the place of which, so that no charge counts twice. */
import type { StaffActor } from '../../domain/actor.ts';
import { type BillIdentity, sameBill } from '../../domain/bill.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { LinesSummary } from './bill-summary.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

export interface Newcomer {
  readonly sha256: string;
  readonly currency: string;
  readonly summary: LinesSummary;
  /** Take the place of bills with the same charges. */
  readonly replace: boolean;
}

/**
 * The bills that hold the same charges are ended, or the new one is refused. Charges of closed months stay.
 * @returns ids of those that were ended
 * @throws TenantryError CONFLICT
 */
export async function makeRoom(
  transaction: Transaction,
  actor: StaffActor,
  { sha256, currency, summary, replace }: Newcomer,
): Promise<readonly string[]> {
  const [same] = await transaction.query<{ id: string; createdAt: number }>(
    `select id, ${unixMs('created_at')} as "createdAt" from tenantry.bills where state = 'current' and sha256 = $1 and currency = $2`,
    [sha256, currency],
  );
  if (same !== undefined) {
    throw new TenantryError('CONFLICT', `This file was imported before, as bill ${same.id}.`, {
      hint: 'Nothing was counted twice. To share it out anew, allocate that bill; to read it anew, remove it first.',
    });
  }
  const accounts = [...new Set(summary.identities.map(({ account }) => account))];
  const others = await transaction.query<BillIdentity & { id: string }>(
    `select b.id, i.issuer, i.account, i.invoice, i.currency, ${unixMs('i.period_from')} as "from", ${unixMs('i.period_to')} as "to"
     from tenantry.bill_identities i join tenantry.bills b on b.id = i.bill_id
     where b.state = 'current' and i.account = any($1) order by b.created_at, b.id`,
    [accounts],
  );
  const overlapping = others.filter((other) => summary.identities.some((identity) => sameBill(identity, other)));
  const ids = [...new Set(overlapping.map(({ id }) => id))];
  if (ids.length === 0) return [];
  if (!replace) {
    const { issuer, account, invoice, from, to } = overlapping[0] ?? {
      issuer: '',
      account: '',
      invoice: '',
      from: 0,
      to: 0,
    };
    const period = `${dayText(from)} to ${dayText(to)}`;
    throw new TenantryError(
      'CONFLICT',
      `Bill ${ids[0]} has charges of ${issuer}, account ${account || '(none)'}, invoice ${invoice || '(none)'}, ${period} already.`,
      {
        hint: 'Import it with replace to take its place, or name the invoice (invoice=…) if it is another one for the same time.',
      },
    );
  }
  const lost = others.find(
    (other) => ids.includes(other.id) && !summary.identities.some((one) => sameBill(one, other)),
  );
  if (lost !== undefined) {
    throw new TenantryError(
      'CONFLICT',
      `Bill ${lost.id} also holds account ${lost.account || '(none)'}, invoice ${lost.invoice || '(none)'}, which this file has not.`,
      { hint: 'Replacing it would lose those charges. Remove that bill first if they are not wanted.' },
    );
  }
  return endBills(transaction, actor, ids, 'superseded');
}

/**
 * What a month came to when it was closed stays so.
 * @throws TenantryError CONFLICT when one of the bills has charges that count in a closed month
 */
export async function refuseClosed(transaction: Transaction, ids: readonly string[]): Promise<void> {
  const [closed] = await transaction.query<{ id: string; month: string }>(
    `select d.bill_id as id, to_char(m.month, 'YYYY-MM') as month from tenantry.bill_days d
     join tenantry.ai_months m on m.month = date_trunc('month', d.booked)::date
     where d.bill_id = any($1::uuid[]) order by m.month limit 1`,
    [ids],
  );
  if (closed === undefined) return;
  throw new TenantryError('CONFLICT', `Bill ${closed.id} has charges in ${closed.month}, which is closed.`, {
    hint: 'Import the difference as a bill of its own (invoice=…): it counts as a correction in the first open month.',
  });
}

/** Ids of those that were current. Their shares go; the bill and its lines stay to be looked up. */
export async function endBills(
  transaction: Transaction,
  actor: StaffActor,
  ids: readonly string[],
  state: 'superseded' | 'removed',
): Promise<readonly string[]> {
  await refuseClosed(transaction, ids);
  const ended = await transaction.query<{ id: string }>(
    `update tenantry.bills set state = $2, ended_by = $3, ended_at = clock_timestamp()
     where id = any($1::uuid[]) and state = 'current' returning id`,
    [ids, state, actor.subject],
  );
  await transaction.query('delete from tenantry.cost_allocations where bill_id = any($1::uuid[])', [ids]);
  return ended.map(({ id }) => id).sort();
}

const dayText = (time: number) => new Date(time).toISOString().slice(0, 10);

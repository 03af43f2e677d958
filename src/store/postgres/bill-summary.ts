import type { BillIdentity } from '../../domain/bill.ts';
import { attoOf } from './bill-rows.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

/** What the lines of a bill come to, in their own currencies. */
export interface LinesSummary {
  readonly lines: number;
  readonly roundedLines: number;
  readonly from: number;
  readonly to: number;
  readonly identities: readonly BillIdentity[];
  readonly currencies: readonly { readonly currency: string; readonly lines: number; readonly firstLine: number }[];
  /** Exact sums by day of beginning (Unix ms) and currency. */
  readonly days: readonly { readonly day: number; readonly currency: string; readonly atto: bigint }[];
}

export async function readSummary(transaction: Transaction, id: string): Promise<LinesSummary> {
  const [all] = await transaction.query<{
    lines: number;
    roundedLines: number;
    from: number | null;
    to: number | null;
  }>(
    `select count(*)::int as lines, count(*) filter (where rounded)::int as "roundedLines",
            ${unixMs('min(charge_from)')} as "from", ${unixMs('max(charge_to)')} as "to"
     from tenantry.bill_lines where bill_id = $1`,
    [id],
  );
  const identities = await transaction.query<BillIdentity>(
    `select issuer, account, invoice, currency, ${unixMs('billing_from')} as "from", ${unixMs('billing_to')} as "to"
     from tenantry.bill_lines where bill_id = $1 group by issuer, account, invoice, currency, billing_from, billing_to
     order by issuer, account, invoice, currency, billing_from, billing_to`,
    [id],
  );
  const currencies = await transaction.query<{ currency: string; lines: number; firstLine: number }>(
    `select currency, count(*)::int as lines, min(line) as "firstLine" from tenantry.bill_lines
     where bill_id = $1 group by currency order by lines desc, currency`,
    [id],
  );
  const days = await transaction.query<{ day: number; currency: string; amount: string }>(
    `select ${unixMs(`date_trunc('day', charge_from, 'UTC')`)} as day, currency, sum(amount)::text as amount
     from tenantry.bill_lines where bill_id = $1 group by 1, 2 order by 1, 2`,
    [id],
  );
  return {
    ...{ lines: all?.lines ?? 0, roundedLines: all?.roundedLines ?? 0, from: all?.from ?? 0, to: all?.to ?? 0 },
    ...{ identities, currencies },
    days: days.map(({ day, currency, amount }) => ({ day, currency, atto: attoOf(amount) })),
  };
}

import { useState } from 'preact/hooks';
import type { AllocationChange, BillDetail } from '../../../src/api/bills-contract.ts';
import type { ApiError } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { formatPercent } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { exactAmount, formatAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { withQuery } from '../shared/router.ts';
import { asApiError } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { useNow } from '../shared/use-now.ts';
import { allocateBill, getBill, removeBill } from './bill-api.ts';
import { AllocationTiles, ChangeView, UnallocatedReasons } from './bill-change.tsx';
import { daysText, formatText } from './bill-text.ts';

interface PanelProps {
  readonly id: string;
  readonly query: URLSearchParams;
  readonly mayChange: boolean;
  readonly closeHref: string;
  readonly onChanged: () => void;
}

/** One bill: what it is, who bears it, and what sharing it out again would change. */
export function BillPanel(props: PanelProps) {
  const live = useLive(`bill ${props.id}`, (signal) => getBill(props.id, signal), null);
  return (
    <section class="card panel" aria-label="Bill" data-testid="bill-panel">
      <Loaded live={live}>
        {(bill) => (
          <>
            <div class="panel-head">
              <h2>{bill.file_name}</h2>
              <Link class="button small" href={props.closeHref}>
                Close
              </Link>
            </div>
            <Facts bill={bill} />
            <AllocationTiles shares={bill.allocation} currency={bill.currency} />
            <UnallocatedReasons shares={bill.allocation} currency={bill.currency} />
            {props.mayChange && (
              <Actions
                bill={bill}
                onChanged={() => {
                  live.refresh();
                  props.onChanged();
                }}
              />
            )}
            <Shares bill={bill} />
          </>
        )}
      </Loaded>
    </section>
  );
}

function Facts({ bill }: { bill: BillDetail }) {
  const rates = Object.entries(bill.rates).map(([currency, rate]) => `1 ${currency} = ${rate} ${bill.currency}`);
  const facts = [
    `${formatText(bill)}, ${daysText(bill.from, bill.to)} (UTC), ${bill.measure === 'billed' ? 'as invoiced' : 'prepayments spread'}`,
    ...bill.identities.map(
      ({ issuer, account, invoice, currency }) =>
        `${issuer}, account ${account}${invoice === '' ? '' : `, invoice ${invoice}`}, ${currency}`,
    ),
    ...rates,
    ...(bill.correction ? ['Charges of closed months count in the first open one'] : []),
    ...(bill.rounded_lines > 0 ? [`${bill.rounded_lines} lines had more than 18 decimals`] : []),
    ...(bill.replaces.length > 0 ? [`In place of ${bill.replaces.length} earlier`] : []),
  ];
  return (
    <ul class="muted small" title={`SHA-256 of the file: ${bill.sha256}`}>
      {facts.map((fact) => (
        <li key={fact}>{fact}</li>
      ))}
    </ul>
  );
}

type Step =
  | { readonly kind: 'idle'; readonly error?: ApiError }
  | { readonly kind: 'working'; readonly what: string }
  | { readonly kind: 'looked'; readonly change: AllocationChange }
  | { readonly kind: 'done'; readonly change: AllocationChange };

function Actions(props: { bill: BillDetail; onChanged: () => void }) {
  const { bill } = props;
  const [step, setStep] = useState<Step>({ kind: 'idle' });
  const run = async (dryRun: boolean) => {
    setStep({ kind: 'working', what: dryRun ? 'Working out the differences' : 'Sharing out' });
    try {
      const change = await allocateBill(bill.id, dryRun);
      setStep({ kind: dryRun ? 'looked' : 'done', change });
      if (!dryRun) props.onChanged();
    } catch (thrown) {
      setStep({ kind: 'idle', error: asApiError(thrown) });
    }
  };
  return (
    <>
      <div class="item-actions">
        <button
          type="button"
          class="button small"
          disabled={step.kind === 'working'}
          onClick={() => void run(true)}
          data-testid="allocate-preview"
        >
          Share out again …
        </button>
        <AskButton
          label="Remove …"
          about={bill.file_name}
          title={`Remove ${bill.file_name}?`}
          action="Remove the bill"
          danger
          class="button small danger-quiet"
          onConfirm={() => removeBill(bill.id)}
          onDone={props.onChanged}
        >
          <p>
            {formatAmount(bill.bill_micro, bill.currency)} of {bill.allocation.tenants.length} tenants leave every
            answer about costs. The bill stays listed as removed.
          </p>
        </AskButton>
      </div>
      {step.kind === 'idle' && step.error !== undefined && (
        <p class="form-problem" role="alert">
          {step.error.message} {step.error.problem?.hint}
        </p>
      )}
      {step.kind === 'working' && <Working what={step.what} />}
      {step.kind === 'looked' && (
        <>
          <p>By version {step.change.rules_version} of the rules and the usage that is known now:</p>
          <ChangeView change={step.change} currency={bill.currency} />
          <p class="item-actions">
            <button type="button" class="button primary" data-testid="allocate" onClick={() => void run(false)}>
              Share out like this
            </button>
            <button type="button" class="button" onClick={() => setStep({ kind: 'idle' })}>
              Leave it
            </button>
          </p>
        </>
      )}
      {step.kind === 'done' && (
        <p role="status" class="good-text" data-testid="allocated">
          Shared out by version {step.change.rules_version} of the rules.
        </p>
      )}
    </>
  );
}

function Working(props: { what: string }) {
  const [since] = useState(Date.now);
  useNow();
  return (
    <div class="progress" role="status">
      <span>
        {props.what}; {Math.max(0, Math.round((Date.now() - since) / 1000))} s so far.
      </span>
      <progress aria-label={props.what} />
    </div>
  );
}

type Share = BillDetail['allocation']['tenants'][number];

function Shares({ bill }: { bill: BillDetail }) {
  const { currency, bill_micro: total } = bill;
  const days = new URLSearchParams({ from: bill.from, to: bill.to });
  const columns: readonly TableColumn<Share>[] = [
    {
      id: 'tenant_id',
      label: 'Tenant',
      align: 'left',
      value: ({ tenant_id }) => tenant_id,
      cell: ({ tenant_id }) => (
        <Link
          href={withQuery(`/costs/${encodeURIComponent(tenant_id)}`, days)}
          title="Unfold it to its lines and rules"
        >
          {tenant_id}
        </Link>
      ),
    },
    {
      id: 'cost',
      label: 'Bears',
      value: ({ cost_micro }) => cost_micro / 1e6,
      cell: ({ cost_micro }) => (
        <span title={exactAmount(cost_micro, currency)}>{formatAmount(cost_micro, currency)}</span>
      ),
    },
    {
      id: 'share',
      label: 'Of the bill',
      value: ({ cost_micro }) => (total > 0 ? cost_micro / total : null),
      cell: ({ cost_micro }) => formatPercent(total > 0 ? cost_micro / total : null),
    },
  ];
  return (
    <DataTable
      id="bill-shares"
      caption="Who bears the bill"
      columns={columns}
      rows={bill.allocation.tenants}
      rowKey={({ tenant_id }) => tenant_id}
      defaultSort="-cost"
      empty="No tenant bears any of it: there is no rule for its lines, or no usage in its days."
    />
  );
}

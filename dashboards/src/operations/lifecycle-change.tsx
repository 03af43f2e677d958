import type { PlanItem } from '../../../src/api/plans-contract.ts';
import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { quotasOf, setBillingDay, setPlacement, setPlan, setSeats } from './lifecycle-api.ts';
import { billingDayEffect, planEffects, seatsEffect, wholeNumberOf } from './lifecycle-effects.ts';
import type { LifecycleRow } from './lifecycle-model.ts';
import { RetentionDialog } from './lifecycle-retention.tsx';
import { StateDialog } from './lifecycle-state.tsx';
import type { StateChange } from './lifecycle-state-text.ts';

export type Change = 'plan' | 'seats' | 'billing' | 'placement' | 'retention' | StateChange;

/** undefined: on its way. */
type Standing = readonly QuotaItem[] | 'not known' | undefined;

interface ChangeProps {
  readonly row: LifecycleRow;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

const MOST_SEATS = 1_000_000_000;
const OFF = '';
const MOMENTS = [
  ['now', 'At once'],
  ['period_end', 'When the running month ends'],
  ['at', 'From a moment on …'],
] as const;

/** Asks for one change of one customer, and says before what it does. */
export function ChangeDialog(props: ChangeProps & { change: Change; plans: readonly PlanItem[] }) {
  switch (props.change) {
    case 'plan':
    case 'seats':
    case 'billing':
    case 'placement':
      return <TermsDialog {...props} change={props.change} />;
    case 'retention':
      return <RetentionDialog {...props} tenantId={props.row.tenant.tenant_id} />;
    case 'suspend':
    case 'resume':
    case 'close':
    case 'reopen':
      return <StateDialog {...props} change={props.change} />;
  }
}

type Terms = 'plan' | 'seats' | 'billing' | 'placement';

function TermsDialog(props: ChangeProps & { change: Terms; plans: readonly PlanItem[] }) {
  const tenantId = props.row.tenant.tenant_id;
  const standing = useLive(`quotas ${tenantId}`, (signal) => quotasOf(tenantId, signal), null);
  const quotas = standing.error === undefined ? standing.data : 'not known';
  switch (props.change) {
    case 'plan':
      return <PlanDialog {...props} quotas={quotas} />;
    case 'seats':
      return <SeatsDialog {...props} quotas={quotas} />;
    case 'billing':
      return <BillingDialog {...props} />;
    case 'placement':
      return <PlacementDialog {...props} />;
  }
}

function PlanDialog(props: ChangeProps & { plans: readonly PlanItem[]; quotas: Standing }) {
  const { tenant } = props.row;
  const form = useForm({
    initial: { plan: tenant.plan ?? OFF, when: 'now', effective: '' },
    check: ({ plan, when, effective }) => ({
      ...(plan === (tenant.plan ?? OFF) ? { plan: 'It is on this plan already.' } : {}),
      ...(when === 'at' && effective === '' ? { effective: 'When is the change to hold?' } : {}),
    }),
    send: ({ plan, when, effective }) =>
      setPlan(tenant.tenant_id, plan === OFF ? null : plan, when === 'at' ? `${effective}:00Z` : when),
    onSent: props.onDone,
  });
  const to = String(form.values.plan);
  const { quotas } = props;
  const used = Array.isArray(quotas) ? quotas : [];
  const effects = planEffects(props.plans, tenant.plan, to === OFF ? null : to, used);
  return (
    <FormDialog
      form={form}
      title={`Plan of ${tenant.tenant_id}`}
      submitLabel={to === OFF ? 'Take it off its plan' : `Put it on ${to}`}
      danger={to === OFF}
      testId="plan-dialog"
      wide
      onCancel={props.onClose}
    >
      <SelectField
        field={form.field('plan')}
        label="Plan"
        options={[...props.plans.map(({ plan }) => [plan, plan] as const), [OFF, 'No plan'] as const]}
        full
      />
      <SelectField field={form.field('when')} label="Holds" options={MOMENTS} />
      {form.values.when === 'at' && (
        <TextField field={form.field('effective')} kind="datetime-local" label="From, UTC" />
      )}
      <div class="preview" data-testid="effects">
        {effects.length === 0 ? (
          <p class="muted">
            {to === (tenant.plan ?? OFF) ? 'Choose another plan to see what changes.' : 'The two plans say the same.'}
          </p>
        ) : (
          <table class="effects">
            <thead>
              <tr>
                <th scope="col">{form.values.when === 'now' ? 'From the next request on' : 'From then on'}</th>
                <th scope="col">Now</th>
                <th scope="col">Then</th>
              </tr>
            </thead>
            <tbody>
              {effects.map((effect) => (
                <tr key={effect.what}>
                  <th scope="row">{effect.what}</th>
                  <td>{effect.before}</td>
                  <td class={effect.tone === 'bad' ? 'bad-text' : undefined}>{effect.after}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      {quotas === 'not known' && <p class="bad-text">How much is used of the quotas is not known right now.</p>}
      <p class="muted small">
        Quotas of the running period are judged by the new plan as a whole, and apps are told by the flag{' '}
        <code>plan</code>. Invoices are not changed here.
      </p>
    </FormDialog>
  );
}

function SeatsDialog(props: ChangeProps & { quotas: Standing }) {
  const { row, quotas } = props;
  const { tenant } = row;
  const form = useForm({
    initial: { seats: tenant.seats === null ? '' : String(tenant.seats) },
    check: ({ seats }) =>
      wholeNumberOf(seats, 0, MOST_SEATS) === undefined ? { seats: 'A whole number, such as 25.' } : {},
    send: ({ seats }) => setSeats(tenant.tenant_id, Number(seats)),
    onSent: props.onDone,
  });
  return (
    <FormDialog
      form={form}
      title={`Seats of ${tenant.tenant_id}`}
      submitLabel="Set seats"
      testId="seats-dialog"
      onCancel={props.onClose}
    >
      <TextField field={form.field('seats')} label="Seats in use from now on" kind="numeric" full />
      <p class="preview" data-testid="effects">
        {quotas === undefined
          ? 'Looking at the plan …'
          : quotas === 'not known'
            ? 'What the plan includes is not known right now.'
            : seatsEffect(wholeNumberOf(String(form.values.seats), 0, MOST_SEATS), quotas)}
      </p>
    </FormDialog>
  );
}

function BillingDialog(props: ChangeProps) {
  const { tenant } = props.row;
  const form = useForm({
    initial: { day: tenant.billing_day === null ? '' : String(tenant.billing_day) },
    check: ({ day }) =>
      day.trim() !== '' && wholeNumberOf(day, 1, 31) === undefined ? { day: 'A day from 1 to 31, or nothing.' } : {},
    send: ({ day }) => setBillingDay(tenant.tenant_id, day.trim() === '' ? null : Number(day)),
    onSent: props.onDone,
  });
  const day = wholeNumberOf(String(form.values.day), 1, 31);
  return (
    <FormDialog
      form={form}
      title={`Billing day of ${tenant.tenant_id}`}
      submitLabel="Set billing day"
      testId="billing-dialog"
      onCancel={props.onClose}
    >
      <TextField
        field={form.field('day')}
        label="Day of the month"
        kind="numeric"
        hint="Empty: the calendar's months."
        full
      />
      <p class="preview" data-testid="effects">
        {billingDayEffect(day ?? null)}
      </p>
    </FormDialog>
  );
}

function PlacementDialog(props: ChangeProps) {
  const { tenant } = props.row;
  const other = tenant.placement === 'pooled' ? 'dedicated' : 'pooled';
  const form = useForm({
    initial: { placement: other as string, reason: '' },
    check: ({ placement, reason }) => ({
      ...(placement === tenant.placement ? { placement: 'It is placed there already.' } : {}),
      ...(reason.trim() === '' ? { reason: 'Say why: it is kept with the change.' } : {}),
    }),
    send: ({ placement, reason }) =>
      setPlacement(tenant.tenant_id, placement === 'dedicated' ? 'dedicated' : 'pooled', reason.trim()),
    onSent: props.onDone,
  });
  return (
    <FormDialog
      form={form}
      title={`Placement of ${tenant.tenant_id}`}
      submitLabel="Change placement"
      testId="placement-dialog"
      onCancel={props.onClose}
    >
      <SelectField
        field={form.field('placement')}
        label="Placement"
        options={[
          ['pooled', 'In the pool, with others'],
          ['dedicated', 'On an instance of its own'],
        ]}
        full
      />
      <TextField field={form.field('reason')} label="Reason" maxLength={500} full />
      <p class="preview" data-testid="effects">
        Apps that ask for the flag <code>placement</code> are told <code>{form.values.placement}</code> for{' '}
        {tenant.tenant_id} within seconds. Tenantry moves no data: route it there first.
      </p>
    </FormDialog>
  );
}

import { useState } from 'preact/hooks';
import type { OnboardedTenant } from '../../../src/api/onboarding-contract.ts';
import type { PlanItem } from '../../../src/api/plans-contract.ts';
import { CheckField, Dialog, FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { useForm } from '../shared/use-form.ts';
import { CopyButton } from './copy-button.tsx';
import { onboard } from './lifecycle-api.ts';
import { wholeNumberOf } from './lifecycle-effects.ts';

const NO_PLAN = '';
const STAYS = '';
const MOST_SEATS = 1_000_000_000;

/** Signs a customer up, or adopts one that appeared by itself: everything at once, and the key shown this once. */
export function OnboardDialog(props: {
  plans: readonly PlanItem[];
  tenantId: string;
  onClose: () => void;
  onDone: () => void;
}) {
  const [made, setMade] = useState<OnboardedTenant | undefined>();
  // One per opened dialog: a click that is sent twice signs up once.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const plans = props.plans.map(({ plan }) => [plan, plan] as const);
  const form = useForm({
    initial: {
      ...{ tenant_id: props.tenantId, display_name: '', plan: NO_PLAN, seats: '', billing_day: '', owner: '' },
      ...{ segment: '', admin: '', ends_at: '', then_plan: STAYS, ingest_key: true },
    },
    check: ({ tenant_id, seats, billing_day, then_plan, ends_at }) => ({
      ...(tenant_id.trim() === '' ? { tenant_id: 'The id that your apps put on spans.' } : {}),
      ...(seats.trim() !== '' && wholeNumberOf(seats, 0, MOST_SEATS) === undefined
        ? { seats: 'A whole number, such as 25.' }
        : {}),
      ...(billing_day.trim() !== '' && wholeNumberOf(billing_day, 1, 31) === undefined
        ? { billing_day: 'A day from 1 to 31, or nothing.' }
        : {}),
      ...(then_plan !== STAYS && ends_at === '' ? { ends_at: 'When does the trial end?' } : {}),
    }),
    send: (values) => onboard(bodyOf(values), idempotencyKey),
    onSent: setMade,
  });
  if (made !== undefined) return <Made made={made} onClose={props.onDone} />;
  return (
    <FormDialog
      form={form}
      title="Sign a customer up"
      submitLabel="Sign up"
      testId="onboard-dialog"
      wide
      onCancel={props.onClose}
    >
      <div class="fields">
        <TextField
          field={form.field('tenant_id')}
          label="Tenant id"
          hint="As your apps name it on spans. One that has sent something already is adopted."
          maxLength={128}
        />
        <TextField field={form.field('display_name')} label="Name" maxLength={200} />
        <SelectField field={form.field('plan')} label="Plan" options={[[NO_PLAN, 'No plan yet'] as const, ...plans]} />
        <TextField field={form.field('seats')} label="Seats" kind="numeric" />
        <TextField
          field={form.field('billing_day')}
          label="Months begin on day"
          kind="numeric"
          hint="Empty: with the calendar."
        />
        <TextField field={form.field('admin')} label="Their first admin" kind="email" placeholder="ada@example.com" />
        <TextField field={form.field('owner')} label="Account owner" maxLength={128} />
        <TextField field={form.field('segment')} label="Segment" maxLength={64} />
        <TextField
          field={form.field('ends_at')}
          kind="datetime-local"
          label="Trial ends, UTC"
          hint="Empty: it is no trial."
        />
        <SelectField
          field={form.field('then_plan')}
          label="Then"
          options={[[STAYS, 'it stays on its plan'] as const, ...plans]}
        />
      </div>
      <CheckField field={form.field('ingest_key')} label="Make a key by which it sends its own telemetry" />
    </FormDialog>
  );
}

type Values = Readonly<Record<string, string | boolean>>;

/** Fields that were left empty say nothing. */
function bodyOf(values: Values): object {
  const text = (name: string) => String(values[name] ?? '').trim();
  const said = (name: string) => (text(name) === '' ? {} : { [name]: text(name) });
  const counted = (name: string) => (text(name) === '' ? {} : { [name]: Number(text(name)) });
  const then = text('then_plan') === STAYS ? {} : { then_plan: text('then_plan') };
  return {
    ...{ ...said('tenant_id'), ...said('display_name'), ...said('plan'), ...said('owner'), ...said('segment') },
    ...{ ...counted('seats'), ...counted('billing_day') },
    ...(text('admin') === '' ? {} : { members: [{ email: text('admin'), role: 'tenant_admin' }] }),
    ...(text('ends_at') === '' ? {} : { trial: { ends_at: `${text('ends_at')}:00Z`, ...then } }),
    ...(values['ingest_key'] === true ? { ingest_key: {} } : {}),
  };
}

function Made({ made, onClose }: { made: OnboardedTenant; onClose: () => void }) {
  const key = made.ingest_key?.key ?? null;
  return (
    <Dialog title={`${made.tenant_id} is signed up`} testId="onboarded-dialog" onClose={onClose}>
      <p>
        {made.created
          ? 'It is new: its figures begin with its first span.'
          : 'It had sent something before: everything that was measured is its own.'}
      </p>
      {key !== null && (
        <div class="life-key">
          <p>The key for its telemetry, shown this once:</p>
          <p>
            <code data-testid="first-key">{key}</code> <CopyButton text={key} />
          </p>
        </div>
      )}
      <p class="dialog-actions">
        <button type="button" class="button primary" onClick={onClose}>
          Done
        </button>
      </p>
    </Dialog>
  );
}

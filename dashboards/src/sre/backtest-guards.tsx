import type { AllowListList, KnownPeakList } from '../../../src/api/contract.ts';
import type { TenantStageItem } from '../../../src/api/control-contract.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { Link } from '../shared/navigation.tsx';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useNow } from '../shared/use-now.ts';
import { addPeak, allowTenant, disallowTenant, putTenantStage, removePeak, removeTenantStage } from './backtest-api.ts';
import { GuardList } from './backtest-guard-list.tsx';

type Peak = KnownPeakList['items'][number];

interface ListProps {
  mayAct: boolean;
  zone: Zone;
  onChanged: () => void;
}

const LIVES = [
  ['86400', '1 day'],
  ['604800', '7 days'],
  ['2592000', '30 days'],
  ['7776000', '90 days'],
] as const;

const TenantLink = ({ tenantId }: { tenantId: string }) => (
  <Link href={`/tenants/${encodeURIComponent(tenantId)}`}>{tenantId}</Link>
);

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

function whenText({ from, to, weekly }: Peak, zone: Zone): string {
  if (weekly !== null) {
    const days = weekly.weekdays.map((day) => WEEKDAYS[day - 1] ?? '').join(', ');
    return `${days} at ${weekly.start} (${weekly.time_zone}), for ${formatSpan(weekly.length_minutes * 60_000)}`;
  }
  const clock = timeText(zone);
  return `${clock.dateMinute(Date.parse(from ?? ''))} – ${clock.dateMinute(Date.parse(to ?? ''))}`;
}

export function KnownPeaks({ peaks, ...props }: ListProps & { peaks: readonly Peak[] }) {
  return (
    <GuardList
      title="Known peaks"
      about="Times in which much load is expected: nobody is throttled automatically in them."
      empty="None."
      count={peaks.length}
      testId="known-peaks"
      mayAct={props.mayAct}
      dialog={(close) => <NewPeak onClose={close} onDone={props.onChanged} />}
    >
      {peaks.map((peak) => (
        <li key={peak.id}>
          <p class="list-head">
            <strong>{peak.name}</strong>
            {peak.tenant_id === null ? (
              <span class="muted">every tenant</span>
            ) : (
              <TenantLink tenantId={peak.tenant_id} />
            )}
          </p>
          <p class="muted small">
            {whenText(peak, props.zone)}; by {peak.created_by}
          </p>
          {props.mayAct && (
            <AskButton
              label="Remove …"
              about={peak.name}
              title="Remove the known peak"
              action="Remove"
              onConfirm={() => removePeak(peak.id)}
              onDone={props.onChanged}
            >
              <p>Automation may throttle in “{peak.name}” again.</p>
            </AskButton>
          )}
        </li>
      ))}
    </GuardList>
  );
}

function NewPeak(props: { onClose: () => void; onDone: () => void }) {
  const form = useForm({
    initial: { name: '', tenant: '', from: '', to: '' },
    check: ({ name, from, to }) => ({
      ...(name.trim() === '' ? { name: 'Such as Black Friday' } : {}),
      ...(Date.parse(from) < Date.parse(to) ? {} : { to: 'It ends after it begins' }),
    }),
    send: ({ name, tenant, from, to }) =>
      addPeak({
        name: name.trim(),
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        ...(tenant.trim() === '' ? {} : { tenant_id: tenant.trim() }),
      }),
    onSent: () => {
      props.onClose();
      props.onDone();
    },
  });
  return (
    <FormDialog form={form} title="A known peak" submitLabel="Enter it" testId="peak-dialog" onCancel={props.onClose}>
      <TextField field={form.field('name')} label="Name" maxLength={200} />
      <TextField field={form.field('tenant')} label="Tenant (empty: every tenant)" maxLength={128} />
      <div class="fields">
        <TextField field={form.field('from')} label="From (this device's time)" kind="datetime-local" />
        <TextField field={form.field('to')} label="To" kind="datetime-local" />
      </div>
    </FormDialog>
  );
}

export function AllowList({ entries, ...props }: ListProps & { entries: AllowListList['items'] }) {
  const now = useNow(60_000);
  return (
    <GuardList
      title="Allow list"
      about="Tenants that automation leaves alone, each with somebody who answers for it and an end."
      empty="Nobody."
      count={entries.length}
      testId="allow-list"
      mayAct={props.mayAct}
      dialog={(close) => <NewAllowed onClose={close} onDone={props.onChanged} />}
    >
      {entries.map((entry) => (
        <li key={entry.tenant_id}>
          <p class="list-head">
            <TenantLink tenantId={entry.tenant_id} />
            <span class="muted">for {formatSpan(Date.parse(entry.expires_at) - now)} more</span>
          </p>
          <p>{entry.reason}</p>
          <p class="muted small">
            {entry.owner} answers for it; by {entry.created_by}
          </p>
          {props.mayAct && (
            <AskButton
              label="Remove …"
              about={entry.tenant_id}
              title="Remove from the allow list"
              action="Remove"
              onConfirm={() => disallowTenant(entry.tenant_id)}
              onDone={props.onChanged}
            >
              <p>Automation may throttle {entry.tenant_id} again.</p>
            </AskButton>
          )}
        </li>
      ))}
    </GuardList>
  );
}

function NewAllowed(props: { onClose: () => void; onDone: () => void }) {
  const form = useForm({
    initial: { tenant: '', owner: '', reason: '', seconds: '604800' },
    check: ({ tenant, owner, reason }) => ({
      ...(tenant.trim() === '' ? { tenant: 'Which tenant' } : {}),
      ...(owner.trim() === '' ? { owner: 'Who answers for it' } : {}),
      ...(reason.trim() === '' ? { reason: 'Say why' } : {}),
    }),
    send: ({ tenant, owner, reason, seconds }) =>
      allowTenant(tenant.trim(), { owner: owner.trim(), reason: reason.trim(), expires_in_seconds: Number(seconds) }),
    onSent: () => {
      props.onClose();
      props.onDone();
    },
  });
  return (
    <FormDialog
      form={form}
      title="Leave a tenant alone"
      submitLabel="Leave it alone"
      testId="allow-dialog"
      onCancel={props.onClose}
    >
      <p class="small">
        However far it is out of line, only alerts come of it, and automatic throttles in force for it end.
      </p>
      <div class="fields">
        <TextField field={form.field('tenant')} label="Tenant" maxLength={128} />
        <SelectField field={form.field('seconds')} label="For" options={LIVES} />
      </div>
      <TextField field={form.field('owner')} label="Who answers for it" maxLength={200} />
      <TextField
        field={form.field('reason')}
        label="Reason"
        placeholder="Migrates its data this week"
        maxLength={500}
      />
    </FormDialog>
  );
}

export function TenantStages({ stages, ...props }: ListProps & { stages: readonly TenantStageItem[] }) {
  return (
    <GuardList
      title="Tenant stages"
      about="Tenants that automation goes less far with than its rules do."
      empty="None: every tenant follows the rules."
      count={stages.length}
      testId="tenant-stages"
      mayAct={props.mayAct}
      dialog={(close) => <NewStage onClose={close} onDone={props.onChanged} />}
    >
      {stages.map((one) => (
        <li key={one.tenant_id}>
          <p class="list-head">
            <TenantLink tenantId={one.tenant_id} />
            <span class="badge">at most {one.stage}</span>
          </p>
          <p class="muted small">
            {one.reason}; by {one.by} at {timeText(props.zone).dateMinute(Date.parse(one.at))}
          </p>
          {props.mayAct && (
            <AskButton
              label="Remove …"
              about={one.tenant_id}
              title="Remove the stage"
              action="Remove"
              onConfirm={() => removeTenantStage(one.tenant_id)}
              onDone={props.onChanged}
            >
              <p>Automation goes as far with {one.tenant_id} as the rules let it.</p>
            </AskButton>
          )}
        </li>
      ))}
    </GuardList>
  );
}

function NewStage(props: { onClose: () => void; onDone: () => void }) {
  const form = useForm({
    initial: { tenant: '', stage: 'shadow', reason: '' },
    check: ({ tenant, reason }) => ({
      ...(tenant.trim() === '' ? { tenant: 'Which tenant' } : {}),
      ...(reason.trim() === '' ? { reason: 'Say why' } : {}),
    }),
    send: ({ tenant, stage, reason }) => putTenantStage(tenant.trim(), stage, reason.trim()),
    onSent: () => {
      props.onClose();
      props.onDone();
    },
  });
  return (
    <FormDialog
      form={form}
      title="Go no farther with a tenant"
      submitLabel="Set it"
      testId="tenant-stage-dialog"
      onCancel={props.onClose}
    >
      <div class="fields">
        <TextField field={form.field('tenant')} label="Tenant" maxLength={128} />
        <SelectField
          field={form.field('stage')}
          label="At most"
          options={[
            ['off', 'off: only alert'],
            ['shadow', 'shadow: count, refuse nothing'],
            ['canary', 'canary: cut a tenth'],
          ]}
        />
      </div>
      <TextField field={form.field('reason')} label="Reason" placeholder="A new customer" maxLength={500} />
    </FormDialog>
  );
}

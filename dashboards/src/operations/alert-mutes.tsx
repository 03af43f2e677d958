import { useState } from 'preact/hooks';
import type { AlertItem, MuteItem } from '../../../src/api/alert-contract.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { TenantField } from '../shared/form-tenant.tsx';
import { formatSpan, type TimeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { createMute, endMute } from './alert-api.ts';
import { KIND_LABELS } from './alert-text.ts';

const LENGTHS = [
  ['900', '15 minutes'],
  ['3600', '1 hour'],
  ['14400', '4 hours'],
  ['86400', '1 day'],
  ['604800', '7 days'],
] as const;

type Kind = AlertItem['kind'];

/** Holds back one tenant's alerts. With a kind given, only those unless the reader widens it. */
export function MuteButton(props: { tenantId?: string; kind?: Kind; onDone: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button small" data-testid="mute" onClick={() => setOpen(true)}>
        Mute …
      </button>
      {open && <MuteForm {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function MuteForm(props: { tenantId?: string; kind?: Kind; onDone: () => void; onClose: () => void }) {
  const form = useForm({
    initial: {
      tenant_id: props.tenantId ?? '',
      kind: String(props.kind ?? ''),
      expires_in_seconds: '3600',
      reason: '',
    },
    check: ({ tenant_id, reason }) => ({
      ...(tenant_id.trim() === '' ? { tenant_id: 'Say which tenant.' } : {}),
      ...(reason.trim() === '' ? { reason: 'Say why: others will wonder at the silence.' } : {}),
    }),
    send: ({ tenant_id, kind, expires_in_seconds, reason }) =>
      createMute({
        tenant_id: tenant_id.trim(),
        ...(kind === '' ? {} : { kind: kind as Kind }),
        expires_in_seconds: Number(expires_in_seconds),
        reason: reason.trim(),
      }),
    onSent: () => {
      props.onClose();
      props.onDone();
    },
  });
  const kinds = Object.entries(KIND_LABELS).map(([kind, label]) => [kind, `${label} only`] as const);
  return (
    <FormDialog form={form} title="Mute a tenant" submitLabel="Mute" testId="mute-dialog" onCancel={props.onClose}>
      <p class="muted">Its alerts are still listed, but told to nobody. What is still so afterwards is told then.</p>
      <div class="fields">
        <TenantField field={form.field('tenant_id')} />
        <SelectField field={form.field('expires_in_seconds')} label="For" options={LENGTHS} />
        <SelectField field={form.field('kind')} label="Alerts" options={[['', 'Every kind'], ...kinds]} />
        <TextField
          field={form.field('reason')}
          label="Reason"
          placeholder="Load test until noon"
          maxLength={500}
          full
        />
      </div>
    </FormDialog>
  );
}

/** Mutes in force, each with its end. */
export function MuteList(props: { mutes: readonly MuteItem[]; clock: TimeText; now: number; onChanged: () => void }) {
  const { clock, now } = props;
  if (props.mutes.length === 0) return null;
  return (
    <section class="card rows" aria-label="Muted tenants" data-testid="mutes">
      <h2>Muted</h2>
      <ul>
        {props.mutes.map((mute) => (
          <li key={mute.id} class="row">
            <span class="row-main">
              <strong>{mute.tenant_id}</strong>{' '}
              <span class="badge">{mute.kind === null ? 'every kind' : KIND_LABELS[mute.kind]}</span>{' '}
              <span>{mute.reason}</span>{' '}
              <span class="muted small">
                by {mute.created_by}, ends at {clock.dateMinute(Date.parse(mute.expires_at))} (in{' '}
                {formatSpan(Date.parse(mute.expires_at) - now)})
              </span>
            </span>
            <AskButton
              label="End"
              about={`the mute of ${mute.tenant_id}`}
              title={`Tell of ${mute.tenant_id} again?`}
              action="End the mute"
              onConfirm={() => endMute(mute.id)}
              onDone={props.onChanged}
            >
              <p>What is still so is told to its routes within a minute.</p>
            </AskButton>
          </li>
        ))}
      </ul>
    </section>
  );
}

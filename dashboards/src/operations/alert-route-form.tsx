import type { AlertRouteItem } from '../../../src/api/alert-contract.ts';
import { AreaField, CheckField, FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { SigningSecretField } from '../shared/form-secret.tsx';
import { type FormState, useForm } from '../shared/use-form.ts';
import { createRoute } from './alert-api.ts';
import { checkRoute, hasUrl, QUIET_DAYS, ROUTE_DRAFT, type RouteDraft, routeBody } from './alert-route-draft.ts';
import { CHANNEL_LABELS, KIND_LABELS } from './alert-text.ts';

type RouteForm = FormState<RouteDraft>;

const URL_LABELS: Readonly<Record<string, readonly [label: string, placeholder: string]>> = {
  slack: ['Webhook address', 'https://hooks.slack.com/services/…'],
  alertmanager: ['Address', 'https://alertmanager.example.com'],
  webhook: ['Address', 'https://example.com/hooks/tenantry'],
};

/** A new route. What it leads to is a secret: it is sent, and never shown again. */
export function RouteFormDialog(props: {
  routes: readonly AlertRouteItem[];
  onClose: () => void;
  onCreated: (route: AlertRouteItem) => void;
}) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const form = useForm({
    initial: { ...ROUTE_DRAFT, 'quiet_hours.time_zone': zone },
    check: checkRoute,
    send: (draft) => createRoute(routeBody(draft)),
    onSent: props.onCreated,
  });
  return (
    <FormDialog
      form={form}
      title="New alert route"
      submitLabel="Create route"
      testId="route-dialog"
      wide
      onCancel={props.onClose}
    >
      <div class="fields">
        <TextField field={form.field('name')} label="Name" placeholder="On-call" maxLength={100} />
        <SelectField field={form.field('channel')} label="Channel" options={Object.entries(CHANNEL_LABELS)} />
        <Target form={form} />
        <SelectField
          field={form.field('match.min_severity')}
          label="Takes"
          options={[
            ['info', 'Every alert'],
            ['warning', 'Warnings and critical'],
            ['critical', 'Critical only'],
          ]}
        />
        <SelectField
          field={form.field('match.kinds')}
          label="Of kind"
          options={[['', 'Every kind'], ...Object.entries(KIND_LABELS)]}
        />
        <TextField field={form.field('match.plans')} label="Of plans" placeholder="every plan" hint="By commas" />
        <TextField field={form.field('match.tenants')} label="Of tenants" placeholder="every tenant" hint="By commas" />
      </div>
      <details>
        <summary>Grouping, escalation and quiet hours</summary>
        <Terms form={form} routes={props.routes} />
      </details>
    </FormDialog>
  );
}

function Target({ form }: { form: RouteForm }) {
  const { channel } = form.values;
  const [label, placeholder] = URL_LABELS[channel] ?? ['Address', ''];
  return (
    <>
      {hasUrl(channel) && (
        <TextField field={form.field('target.url')} kind="url" label={label} placeholder={placeholder} full />
      )}
      {channel === 'pagerduty' && (
        <>
          <TextField field={form.field('target.routing_key')} kind="secret" label="Integration key (Events API v2)" />
          <SelectField
            field={form.field('target.region')}
            label="Service region"
            options={[
              ['us', 'US'],
              ['eu', 'EU'],
            ]}
          />
        </>
      )}
      {channel === 'alertmanager' && (
        <TextField
          field={form.field('target.authorization')}
          kind="secret"
          label="Authorization header, if it wants one"
          full
        />
      )}
      {channel === 'webhook' && <SigningSecretField field={form.field('target.signing_secret')} />}
      {channel === 'email' && (
        <AreaField
          field={form.field('target.to')}
          label="To"
          rows={2}
          placeholder="oncall@example.com, team@example.com"
          hint="By the mail server of the settings. All of them see each other."
        />
      )}
    </>
  );
}

function Terms({ form, routes }: { form: RouteForm; routes: readonly AlertRouteItem[] }) {
  const others = routes.map(({ id, name }) => [id, name] as const);
  return (
    <div class="fields details-body">
      <SelectField
        field={form.field('group_by')}
        label="One message for each"
        options={[
          ['tenant', 'Tenant'],
          ['tenant,kind', 'Tenant and kind'],
          ['kind', 'Kind'],
          ['plan', 'Plan'],
          ['severity', 'Severity'],
          ['', 'Nothing: all together'],
        ]}
      />
      <TextField field={form.field('group_wait_seconds')} kind="numeric" label="Wait for company, seconds" />
      <TextField field={form.field('group_interval_seconds')} kind="numeric" label="Least time between two, seconds" />
      <TextField
        field={form.field('repeat_seconds')}
        kind="numeric"
        label="Repeat every, seconds"
        placeholder="once is enough"
      />
      <SelectField
        field={form.field('escalation.route_id')}
        label="Nobody answers: also tell"
        options={[['', 'Nobody else'], ...others]}
      />
      {form.values['escalation.route_id'] !== '' && (
        <TextField field={form.field('escalation.after_seconds')} kind="numeric" label="After, seconds" />
      )}
      <div class="full">
        <CheckField field={form.field('quiet')} label="Quiet hours" />
      </div>
      {form.values.quiet && (
        <>
          <TextField field={form.field('quiet_hours.from')} label="From" placeholder="22:00" />
          <TextField field={form.field('quiet_hours.to')} label="To" placeholder="07:00" />
          <SelectField field={form.field('quiet_hours.days')} label="Beginning on" options={QUIET_DAYS} />
          <TextField field={form.field('quiet_hours.time_zone')} label="Time zone" placeholder="Europe/Berlin" />
          <SelectField
            field={form.field('quiet_hours.except_from')}
            label="Told all the same"
            options={[
              ['critical', 'Critical alerts'],
              ['warning', 'Warnings and critical'],
              ['', 'Nothing'],
            ]}
          />
        </>
      )}
    </div>
  );
}

import { useState } from 'preact/hooks';
import type { PlanItem, PlanList, PlanVersionItem } from '../../../src/api/plans-contract.ts';
import type { PlanCapItem, PlanCapList } from '../../../src/api/spend-contract.ts';
import { PLAN_FEATURE_NAMES } from '../../../src/domain/plan-features.ts';
import { get, send, urlOf } from '../shared/api-client.ts';
import { AreaField, FormDialog, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { formatAmount } from '../shared/money.ts';
import { isFor, type PageProps, SALES_ROLES } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import { PlanCapForm } from './plan-cap-form.tsx';
import { checkPlan, planBody, planDraft, quotaText } from './plan-terms.ts';

/** What plans include, now and before, and what AI may cost each of their tenants. */
export function PlansPage({ who }: PageProps) {
  const plans = useLive('plans', (signal) => get<PlanList>('/v1/plans', {}, signal), null);
  const caps = useLive('plan caps', (signal) => get<PlanCapList>('/v1/plan-caps', {}, signal), null);
  const { zone } = usePreferences();
  const [adding, setAdding] = useState(false);
  const mayEdit = isFor(who, SALES_ROLES);
  const refresh = () => {
    setAdding(false);
    plans.refresh();
    caps.refresh();
  };
  return (
    <>
      <div class="page-head">
        <h1>Plans</h1>
        {mayEdit && (
          <div class="page-actions">
            <button type="button" class="button primary" onClick={() => setAdding(true)}>
              New plan
            </button>
          </div>
        )}
      </div>
      <p class="intro">
        Quotas, request rates, price and AI caps of each plan. What held before stays, and judges the past.
      </p>
      <Loaded live={plans}>
        {({ items }) => (
          <section class="stack" aria-label="Plans">
            {items.length === 0 && <p class="card table-empty">No plan yet. Plans that spans name appear here too.</p>}
            {items.map((plan) => (
              <Plan
                key={plan.plan}
                plan={plan}
                caps={(caps.data?.items ?? []).filter((cap) => cap.plan === plan.plan)}
                clock={timeText(zone)}
                mayEdit={mayEdit}
                onChanged={refresh}
              />
            ))}
          </section>
        )}
      </Loaded>
      {adding && <PlanForm plan={undefined} onClose={() => setAdding(false)} onSaved={refresh} />}
    </>
  );
}

interface PlanProps {
  readonly plan: PlanItem;
  readonly caps: readonly PlanCapItem[];
  readonly clock: TimeText;
  readonly mayEdit: boolean;
  readonly onChanged: () => void;
}

function Plan(props: PlanProps) {
  const { plan } = props;
  const [open, setOpen] = useState<'terms' | 'cap' | undefined>();
  const close = () => setOpen(undefined);
  const saved = () => {
    close();
    props.onChanged();
  };
  return (
    <article class="item card" data-testid="plan" data-plan={plan.plan}>
      <div class="item-main">
        <p class="item-head">
          <strong>{plan.plan}</strong>
          <span class="muted small">
            {formatCount(plan.tenants)} {plan.tenants === 1 ? 'tenant' : 'tenants'}
          </span>
          {plan.terms?.price && (
            <span class="badge accent">
              {formatAmount(plan.terms.price.amount_micro, plan.terms.price.currency)} a month
            </span>
          )}
        </p>
        {plan.terms === null ? <p class="muted">Nobody has said what it includes.</p> : <Terms terms={plan.terms} />}
        <Caps {...props} />
        <History versions={plan.versions} clock={props.clock} />
      </div>
      {props.mayEdit && (
        <div class="item-actions">
          <button
            type="button"
            class="button small"
            aria-label={`Set an AI cap of ${plan.plan}`}
            onClick={() => setOpen('cap')}
          >
            Set an AI cap
          </button>
          <button
            type="button"
            class="button small"
            aria-label={`Change ${plan.plan}`}
            onClick={() => setOpen('terms')}
          >
            Change
          </button>
        </div>
      )}
      {open === 'terms' && <PlanForm plan={plan} onClose={close} onSaved={saved} />}
      {open === 'cap' && <PlanCapForm plan={plan.plan} onClose={close} onSaved={saved} />}
    </article>
  );
}

function Terms({ terms }: { terms: PlanVersionItem }) {
  const { quotas, guarantee_rps: guarantee, ceiling_rps: ceiling, weight, features } = terms;
  const { tenantry_features: ours } = terms;
  const rates = [
    ...(guarantee === null ? [] : [`never throttled below ${guarantee} requests/s`]),
    ...(ceiling === null ? [] : [`above ${ceiling} requests/s is a finding`]),
    ...(weight === 1 ? [] : [`weight ${weight}`]),
  ];
  return (
    <>
      <p>{quotas.length === 0 ? <span class="muted">No quotas</span> : quotas.map(quotaText).join('; ')}</p>
      {rates.length > 0 && <p class="muted small">{rates.join('; ')}</p>}
      {features !== null && <p class="muted small">Features: {features.join(', ') || 'none'}</p>}
      {ours !== null && <p class="muted small">Of Tenantry: {ours.join(', ') || 'none'}</p>}
    </>
  );
}

function Caps({ plan, caps, mayEdit, onChanged }: PlanProps) {
  return (
    <>
      {caps.map((cap) => {
        const scope = [cap.key === null ? '' : `key ${cap.key}`, cap.model ?? '']
          .filter((part) => part !== '')
          .join(', ');
        const what = `AI cap of ${formatAmount(cap.amount_micro, cap.currency)} a ${cap.period}${scope === '' ? '' : ` for ${scope}`}`;
        return (
          <p key={`${cap.period} ${cap.key ?? ''} ${cap.model ?? ''}`} class="row">
            <span class="row-main">
              {what}{' '}
              <span class="muted small">
                {cap.ladder.map(({ percent, step }) => `${step.replace('_', ' ')} at ${percent} %`).join(', ')}
              </span>
            </span>
            {mayEdit && (
              <AskButton
                label="Remove …"
                about={what}
                title={`Remove the ${what}?`}
                action="Remove"
                danger
                class="button small danger-quiet"
                onConfirm={() => {
                  const which = { period: cap.period, key: cap.key ?? undefined, model: cap.model ?? undefined };
                  return send('DELETE', urlOf(`/v1/plan-caps/${encodeURIComponent(plan.plan)}`, which));
                }}
                onDone={onChanged}
              >
                <p>
                  It holds for each of the {formatCount(plan.tenants)} tenants of {plan.plan} that has no cap of its
                  own; without it nothing of that plan limits what AI costs them. What was counted stays.
                </p>
              </AskButton>
            )}
          </p>
        );
      })}
    </>
  );
}

function History({ versions, clock }: { versions: readonly PlanVersionItem[]; clock: TimeText }) {
  if (versions.length < 2) return null;
  const at = (text: string) => clock.dateMinute(Date.parse(text));
  return (
    <details class="small">
      <summary class="muted">{versions.length} versions</summary>
      <ul>
        {versions.toReversed().map((version) => (
          <li key={version.effective_from} class="row">
            <span class="row-main">
              From {at(version.effective_from)}: {version.quotas.map(quotaText).join('; ') || 'no quotas'}
              {version.price !== null &&
                `; ${formatAmount(version.price.amount_micro, version.price.currency)} a month`}{' '}
              <span class="muted">
                by {version.set_by} at {at(version.set_at)}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function PlanForm(props: { plan: PlanItem | undefined; onClose: () => void; onSaved: () => void }) {
  const { plan } = props;
  const terms = plan?.terms ?? null;
  const form = useForm({
    initial: planDraft(plan?.plan ?? '', terms),
    check: checkPlan,
    send: (draft) => send('PUT', `/v1/plans/${encodeURIComponent(draft.plan.trim())}`, planBody(draft, terms)),
    onSent: props.onSaved,
  });
  return (
    <FormDialog
      form={form}
      title={plan === undefined ? 'New plan' : `What ${plan.plan} includes`}
      submitLabel="Save"
      testId="plan-dialog"
      wide
      onCancel={props.onClose}
    >
      {plan !== undefined && plan.tenants > 0 && (
        <p class="muted">
          Holds for {formatCount(plan.tenants)} {plan.tenants === 1 ? 'tenant' : 'tenants'} from now on.
        </p>
      )}
      <div class="fields">
        {plan === undefined && (
          <TextField field={form.field('plan')} label="Name" placeholder="team" maxLength={64} full />
        )}
        <AreaField
          field={form.field('quotas')}
          label="Quotas"
          rows={4}
          mono
          placeholder={'requests month 1000000\nai_cost month 50000000 hard'}
          hint="One a line: what, day or month, how much in its own unit, then perhaps hard. AI cost is in millionths of a dollar."
        />
        <TextField
          field={form.field('guarantee_rps')}
          kind="decimal"
          label="Guaranteed requests/s"
          hint="No throttle goes below"
        />
        <TextField
          field={form.field('ceiling_rps')}
          kind="decimal"
          label="Ceiling, requests/s"
          hint="More is a finding by itself"
        />
        <TextField field={form.field('price')} kind="decimal" label="Price a month" placeholder="499.00" />
        <TextField field={form.field('currency')} label="Currency" maxLength={3} />
        <TextField field={form.field('weight')} kind="decimal" label="Weight" hint="Share in what is scarce" />
        <AreaField field={form.field('features')} label="Features" rows={2} hint="One a line" />
        <AreaField
          field={form.field('tenantry_features')}
          label="Of Tenantry"
          rows={2}
          hint={`One a line: ${PLAN_FEATURE_NAMES.join(', ')}; none: nothing; empty: all of them`}
        />
      </div>
    </FormDialog>
  );
}

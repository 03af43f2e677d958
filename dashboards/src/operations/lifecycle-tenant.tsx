import type { ComponentChildren } from 'preact';
import type { DirectoryItem, WhoAmI } from '../../../src/api/contract.ts';
import { Dialog } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import { isFor, OPERATOR_ROLES, SALES_ROLES } from '../shared/page.ts';
import { pageHref, tenantHref } from '../shared/router.ts';
import { formatSpan, type TimeText, timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { cancelPlan, historyOf } from './lifecycle-api.ts';
import type { Change } from './lifecycle-change.tsx';
import { type LifecycleRow, lastSeenText } from './lifecycle-model.ts';
import { type StateChange, standingText, stateChanges } from './lifecycle-state-text.ts';
import { StageBadge } from './lifecycle-table.tsx';

interface TenantDialogProps {
  readonly row: LifecycleRow;
  readonly query: URLSearchParams;
  readonly who: WhoAmI | undefined;
  readonly clock: TimeText;
  readonly now: number;
  readonly onChange: (change: Change) => void;
  /** Something was changed here, and not by a dialog of its own. */
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

const PLACERS = ['admin', 'sre'] as const;
const ADMINS = ['admin'] as const;
const AUDITORS = ['admin', 'sre'] as const;

/** Everything that is kept about one customer, and what may be changed of it. */
export function TenantDialog(props: TenantDialogProps) {
  const { row, query, who, clock, now, onChange } = props;
  const { tenant, deletion } = row;
  const isSales = isFor(who, SALES_ROLES);
  const day = (text: string) => clock.date(Date.parse(text));
  return (
    <Dialog title={tenant.display_name ?? tenant.tenant_id} testId="customer-dialog" wide onClose={props.onClose}>
      <p class="life-head">
        <StageBadge stage={row.stage} />
        <code>{tenant.tenant_id}</code>
        <Link href={tenantHref(tenant.tenant_id, query)}>Figures</Link>
        <Link href={pageHref(`/tenants/${encodeURIComponent(tenant.tenant_id)}/usage`, query)}>Usage</Link>
        {isSales && (
          <Link href={pageHref(`/customers/${encodeURIComponent(tenant.tenant_id)}/sheet`, query)}>Sheet</Link>
        )}
        {isFor(who, ADMINS) && (
          <Link href={pageHref(`/tenants/${encodeURIComponent(tenant.tenant_id)}/account`, query)}>Account</Link>
        )}
      </p>
      {deletion !== undefined && (
        <p class="banner" role="status">
          Deletion was requested by {deletion.requested_by} on {day(deletion.requested_at)}: {deletion.reason}.{' '}
          {deletion.next_step}
        </p>
      )}
      <dl class="life-facts">
        <Standing tenant={tenant} who={who} day={day} onChange={onChange} />
        <Fact label="Plan" act={isSales ? () => onChange('plan') : undefined}>
          {tenant.plan ?? 'none'}
          {tenant.plan !== null && tenant.plan_since !== null && (
            <span class="muted"> since {day(tenant.plan_since)}</span>
          )}
          {tenant.trial_ends_at !== null && <span class="muted">, trial until {day(tenant.trial_ends_at)}</span>}
        </Fact>
        {tenant.scheduled_plan !== null && (
          <Fact label="Next plan">
            {tenant.scheduled_plan.plan ?? 'none'}
            <span class="muted"> from {clock.dateMinute(Date.parse(tenant.scheduled_plan.effective_from))}</span>
            {isSales && <DropPlan tenantId={tenant.tenant_id} onDone={props.onChanged} />}
          </Fact>
        )}
        <Fact label="Seats" act={isSales ? () => onChange('seats') : undefined}>
          {tenant.seats ?? 'nobody said'}
        </Fact>
        <Fact label="Months begin" act={isSales ? () => onChange('billing') : undefined}>
          {tenant.billing_day === null ? 'with the calendar' : `on day ${tenant.billing_day}`}
        </Fact>
        <Fact label="Placement" act={isFor(who, PLACERS) ? () => onChange('placement') : undefined}>
          {tenant.placement}
          {tenant.placement_reason !== null && <span class="muted">: {tenant.placement_reason}</span>}
        </Fact>
        <Fact label="Retention" act={isFor(who, ADMINS) ? () => onChange('retention') : undefined}>
          by its plan, unless it has its own
        </Fact>
        <Fact label="First seen">{day(tenant.first_seen_at)}</Fact>
        <Fact label="Last seen">{lastSeenText(tenant, now, { ago: formatSpan, day: timeText('UTC').date })}</Fact>
        <Fact label="Throttle">
          {row.throttle === undefined
            ? 'none in force'
            : `${row.throttle.mode}: ${row.throttle.reason}, until ${clock.dateMinute(Date.parse(row.throttle.expires_at))}`}
        </Fact>
      </dl>
      {isFor(who, AUDITORS) && <History tenantId={tenant.tenant_id} clock={clock} query={query} />}
      <p class="dialog-actions">
        <button type="button" class="button" onClick={props.onClose}>
          Close
        </button>
      </p>
    </Dialog>
  );
}

/** Where it stands, and the buttons that change it: for those who may. */
function Standing(props: {
  tenant: DirectoryItem;
  who: WhoAmI | undefined;
  day: (text: string) => string;
  onChange: (change: Change) => void;
}) {
  const { tenant, who, day, onChange } = props;
  const may = (change: StateChange) => isFor(who, change === 'close' || change === 'reopen' ? ADMINS : OPERATOR_ROLES);
  return (
    <div class="life-fact">
      <dt>Stands</dt>
      <dd data-testid="standing">{standingText(tenant, day)}</dd>
      <dd class="life-acts">
        {stateChanges(tenant)
          .filter(may)
          .map((change) => (
            <button
              key={change}
              type="button"
              class={`button small${change === 'resume' || change === 'reopen' ? '' : ' danger-quiet'}`}
              onClick={() => onChange(change)}
            >
              {STATE_LABELS[change]}
            </button>
          ))}
      </dd>
    </div>
  );
}

const STATE_LABELS: Readonly<Record<StateChange, string>> = {
  ...{ suspend: 'Suspend …', resume: 'Resume …', close: 'Close …', reopen: 'Reopen …' },
};

function DropPlan({ tenantId, onDone }: { tenantId: string; onDone: () => void }) {
  return (
    <>
      {' '}
      <AskButton
        label="Drop …"
        title="Drop the change that was to come?"
        action="Drop it"
        onConfirm={() => cancelPlan(tenantId)}
        onDone={onDone}
      >
        <p>{tenantId} stays on the plan that it is on.</p>
      </AskButton>
    </>
  );
}

function Fact(props: { label: string; act?: (() => void) | undefined; children: ComponentChildren }) {
  return (
    <div class="life-fact">
      <dt>{props.label}</dt>
      <dd>{props.children}</dd>
      {props.act !== undefined && (
        <dd>
          <button
            type="button"
            class="button small"
            aria-label={`Change: ${props.label.toLowerCase()}`}
            onClick={props.act}
          >
            Change …
          </button>
        </dd>
      )}
    </div>
  );
}

/** `{"plan":"team"}` as `plan team`; long values are cut, the audit log has them whole. */
function changeText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return NO_VALUE;
  const parts = Object.entries(value).map(
    ([name, part]) => `${name} ${typeof part === 'string' ? part : JSON.stringify(part)}`,
  );
  const text = parts.join(', ');
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

function History(props: { tenantId: string; clock: TimeText; query: URLSearchParams }) {
  const { tenantId, clock } = props;
  const live = useLive(`audit ${tenantId}`, (signal) => historyOf(tenantId, signal), null);
  return (
    <section class="life-history">
      <h3>Last changes</h3>
      <Loaded live={live}>
        {(items) =>
          items.length === 0 ? (
            <p class="muted">Nobody has changed anything.</p>
          ) : (
            <ul>
              {items.map((item) => (
                <li key={item.id}>
                  <span class="muted" title={clock.full(Date.parse(item.at))}>
                    {clock.dateMinute(Date.parse(item.at))}
                  </span>{' '}
                  {item.action} by {item.actor}: {changeText(item.before)} → {changeText(item.after)}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

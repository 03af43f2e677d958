import '../styles/backtest.css';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { BacktestItem } from '../../../src/api/control-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { AreaField, CheckField, Form, SelectField, TextField } from '../shared/form.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link, navigate } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { withQuery } from '../shared/router.ts';
import { timeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { askBacktest, listBacktests } from './backtest-api.ts';
import {
  draftText,
  formProblems,
  HISTORIES,
  partnerOf,
  questionsOf,
  REPLAYED_RULES,
  START_FORM,
} from './backtest-draft.ts';
import { BacktestResult } from './backtest-result.tsx';
import { BacktestRuns } from './backtest-runs.tsx';

const RUNNING_MS = 1_000;
const IDLE_MS = 15_000;

const isUnderWay = ({ state }: BacktestItem) => state === 'waiting' || state === 'running';

/** Settings of a rule, tried on stored history before anybody is throttled by them. */
export function BacktestPage({ query }: PageProps) {
  const { zone } = usePreferences();
  const id = query.get('id') ?? undefined;
  const [isBusy, setBusy] = useState(false);
  const runs = useLive('backtests', listBacktests, isBusy ? RUNNING_MS : IDLE_MS);
  useEffect(() => setBusy((runs.data ?? []).some(isUnderWay)), [runs.data]);
  return (
    <>
      <header class="page-head">
        <h1 tabIndex={-1}>Try a rule</h1>
        <div class="page-actions">
          <Link href="/rules" class="button">
            Rules and guards
          </Link>
        </div>
      </header>
      <div class="backtest-columns">
        <DraftForm
          onAsked={(made) => {
            navigate(withQuery('/backtests', new URLSearchParams({ id: made.id })));
            runs.refresh();
          }}
        />
        <Loaded live={runs}>
          {(items) => (
            <div class="backtest-results">
              <Chosen id={id} items={items} onChanged={runs.refresh} />
              <BacktestRuns items={items} zone={zone} chosen={id} />
            </div>
          )}
        </Loaded>
      </div>
    </>
  );
}

function Chosen(props: { id: string | undefined; items: readonly BacktestItem[]; onChanged: () => void }) {
  const { zone } = usePreferences();
  const one = props.items.find(({ id }) => id === props.id) ?? (props.id === undefined ? props.items[0] : undefined);
  if (props.id !== undefined && one === undefined) {
    return <Empty>This replay is not among the newest ones: it may have just been asked for, or is long gone.</Empty>;
  }
  if (one === undefined) {
    return (
      <Empty>
        Nothing has been tried yet. Change a setting on the left and replay the history: nobody is throttled by it.
      </Empty>
    );
  }
  const clock = timeText(zone);
  return (
    <section class="card backtest-chosen" data-testid="backtest" data-state={one.state} aria-label="Result">
      <header class="section-head">
        <h2>{one.rule}</h2>
        <span class="muted small">
          {draftText(one.draft)}; {clock.dateMinute(Date.parse(one.from))} – {clock.dateMinute(Date.parse(one.to))}
          {one.labels === null ? '' : `; ${formatCount(one.labels)} labels`}
        </span>
      </header>
      <BacktestResult one={one} partner={partnerOf(one, props.items)} zone={zone} onChanged={props.onChanged} />
    </section>
  );
}

function Empty({ children }: { children: ComponentChildren }) {
  return (
    <p class="card table-empty" data-testid="backtest-empty">
      {children}
    </p>
  );
}

const AS_IN_FORCE = 'as in force';

function DraftForm({ onAsked }: { onAsked: (made: BacktestItem) => void }) {
  const form = useForm({
    initial: START_FORM,
    check: formProblems,
    send: async (values) => {
      const { draft, inForce } = questionsOf(values, serverNow());
      // First what stands beside it, so that both are there when the draft's result is.
      if (inForce !== undefined) await askBacktest(inForce);
      return askBacktest(draft);
    },
    onSent: onAsked,
  });
  return (
    <section class="card backtest-form" aria-label="Draft" data-testid="backtest-form">
      <h2>Draft</h2>
      <Form form={form} submitLabel="Replay the history">
        <SelectField field={form.field('rule')} label="Rule" options={REPLAYED_RULES} full />
        <div class="fields">
          <SelectField field={form.field('days')} label="History" options={HISTORIES} />
          <SelectField
            field={form.field('impact')}
            label="Throttle"
            options={[
              ['', AS_IN_FORCE],
              ['yes', 'only when others are hurt'],
              ['no', 'whenever it is found'],
            ]}
          />
          <TextField field={form.field('ratio')} label="Ratio to baseline" kind="decimal" placeholder={AS_IN_FORCE} />
          <TextField
            field={form.field('floor')}
            label="Floor, requests a minute"
            kind="decimal"
            placeholder={AS_IN_FORCE}
          />
          <TextField
            field={form.field('headroom')}
            label="Limit, times its usual"
            kind="decimal"
            placeholder={AS_IN_FORCE}
          />
          <TextField
            field={form.field('seconds')}
            label="Throttle for, seconds"
            kind="numeric"
            placeholder={AS_IN_FORCE}
          />
        </div>
        <AreaField
          field={form.field('labels')}
          label="What was right to act on (optional)"
          hint="One a line: tenant, from, to. With all of it, precision, recall and false throttles are known."
          rows={3}
          mono
          placeholder="acme, 2026-11-23T10:00Z, 2026-11-23T10:30Z"
        />
        <CheckField field={form.field('compares')} label="Replay the rule in force beside it" />
      </Form>
    </section>
  );
}

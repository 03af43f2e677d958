import '../styles/backtest.css';
import '../styles/noisy.css';
import { useState } from 'preact/hooks';
import type { RuleStageItem } from '../../../src/api/contract.ts';
import { FormDialog, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { formatCount, formatPercent } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import { isFor, OPERATOR_ROLES, type PageProps, PEOPLE_ROLES } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { moveRule, whatPeopleSaid } from './backtest-api.ts';
import { DecisionLog } from './backtest-decisions.tsx';
import { AllowList, KnownPeaks, TenantStages } from './backtest-guards.tsx';
import { Approvals } from './noisy-approvals.tsx';
import { KillSwitch } from './noisy-kill-switch.tsx';

const INTERVAL_MS = 5_000;
const STAGES = ['off', 'shadow', 'canary', 'enforce'] as const;

/** How far automation may go, who has said so, and why it did what it did, or nothing. */
export function RulesPage({ query, who }: PageProps) {
  const { zone } = usePreferences();
  const guards = useLive('guards', whatPeopleSaid, INTERVAL_MS);
  const mayAct = isFor(who, OPERATOR_ROLES);
  const isPerson = isFor(who, PEOPLE_ROLES);
  const refresh = guards.refresh;
  return (
    <>
      <header class="page-head">
        <h1 tabIndex={-1}>Rules and guards</h1>
        <div class="page-actions">
          <Link href="/backtests" class="button">
            Try a rule
          </Link>
        </div>
      </header>
      <Loaded live={guards}>
        {(said) => (
          <>
            <KillSwitch state={said.killSwitch} mayTurn={mayAct} zone={zone} onTurned={refresh} />
            <Approvals approvals={said.approvals} mayDecide={isPerson} onDecided={refresh} />
            <Rules rules={said.rules} mayMove={isPerson} zone={zone} onMoved={refresh} />
            <div class="guard-lists">
              <KnownPeaks peaks={said.peaks} mayAct={mayAct} zone={zone} onChanged={refresh} />
              <AllowList entries={said.allowed} mayAct={mayAct} zone={zone} onChanged={refresh} />
              <TenantStages stages={said.stages} mayAct={mayAct} zone={zone} onChanged={refresh} />
            </div>
          </>
        )}
      </Loaded>
      <DecisionLog query={query} zone={zone} />
    </>
  );
}

interface RulesProps {
  rules: readonly RuleStageItem[];
  mayMove: boolean;
  zone: Zone;
  onMoved: () => void;
}

function Rules(props: RulesProps) {
  return (
    <section aria-label="Rules" data-testid="rules">
      <h2 class="backtest-title">Rules</h2>
      {props.rules.length === 0 && (
        <p class="card table-empty">
          No rule has found anything yet. Rules stand here from their first finding on; try one on the history
          meanwhile.
        </p>
      )}
      <div class="rule-cards">
        {props.rules.map((rule) => (
          <Rule key={rule.rule} rule={rule} {...props} />
        ))}
      </div>
    </section>
  );
}

function Rule({ rule, ...props }: RulesProps & { rule: RuleStageItem }) {
  const { evidence, backtest, next } = rule;
  const since = Date.parse(rule.since);
  return (
    <article class="card rule-card" data-rule={rule.rule}>
      <header class="section-head">
        <h3>{rule.rule}</h3>
        <Track stage={rule.stage} />
      </header>
      <p class="small">
        In {rule.stage} since {timeText(props.zone).dateMinute(since)} ({formatSpan(evidence.held_seconds * 1_000)}),{' '}
        {rule.by === null ? 'as the installation is set' : `by ${rule.by}`}
        {rule.reason === null ? '' : `: ${rule.reason}`}
        {rule.approved_by === null ? '' : ` (approved by ${rule.approved_by})`}. Since then it would have throttled{' '}
        {formatCount(evidence.shadow_throttles)} times in shadow, and did {formatCount(evidence.enforced_throttles)}{' '}
        times.
      </p>
      <p class="small">
        {backtest?.result ? (
          <>
            Newest replay:{' '}
            <Link href={`/backtests?id=${backtest.id}`}>{formatCount(backtest.result.throttles)} throttles</Link>,
            precision {backtest.result.precision === null ? 'unknown' : formatPercent(backtest.result.precision)}.
          </>
        ) : (
          <>
            Not replayed on history as it is today. <Link href="/backtests">Try it</Link>.
          </>
        )}
      </p>
      {rule.pending.map((one) => (
        <p key={one.approval_id} class="warn-text small">
          {one.by} asks for {one.stage}; a second person has to approve.
        </p>
      ))}
      {next !== null && (
        <p class="muted small">
          Next: {next.stage}
          {next.problem === null ? ', it may be asked for now.' : `. It stays because ${next.problem}.`}
        </p>
      )}
      {props.mayMove && <Moves rule={rule} onMoved={props.onMoved} />}
    </article>
  );
}

function Track({ stage }: { stage: RuleStageItem['stage'] }) {
  const reached = STAGES.indexOf(stage);
  return (
    <ol class="stage-track" aria-label={`Stage ${stage}`}>
      {STAGES.map((name, place) => (
        <li key={name} class={place === reached ? 'here' : place < reached ? 'passed' : ''}>
          {name}
        </li>
      ))}
    </ol>
  );
}

function Moves({ rule, onMoved }: { rule: RuleStageItem; onMoved: () => void }) {
  const [promoting, setPromoting] = useState(false);
  const place = STAGES.indexOf(rule.stage);
  const back = STAGES.slice(0, place).toReversed();
  return (
    <p class="approval-actions">
      {rule.next !== null && (
        <button type="button" class="button small" onClick={() => setPromoting(true)}>
          Let it go on to {rule.next.stage} …
        </button>
      )}
      {back.map((stage) => (
        <AskButton
          key={stage}
          label={`Back to ${stage} …`}
          about={rule.rule}
          title={`Back to ${stage}`}
          action={`Back to ${stage}`}
          reason="It throttled a tenant that did nothing wrong"
          onConfirm={(reason) => moveRule(rule.rule, stage, reason, '')}
          onDone={onMoved}
        >
          <p>
            {rule.rule} goes back at once, for every tenant: {STAGE_MEANS[stage]}
          </p>
        </AskButton>
      ))}
      {promoting && rule.next !== null && (
        <Promote
          rule={rule}
          stage={rule.next.stage}
          onClose={() => setPromoting(false)}
          onDone={() => {
            setPromoting(false);
            onMoved();
          }}
        />
      )}
    </p>
  );
}

const STAGE_MEANS: Readonly<Record<RuleStageItem['stage'], string>> = {
  off: 'it only alerts.',
  shadow: 'it writes throttles that count and refuse nothing.',
  canary: 'a tenth of the excess is cut.',
  enforce: 'all of the excess is cut.',
};

function Promote(props: {
  rule: RuleStageItem;
  stage: RuleStageItem['stage'];
  onClose: () => void;
  onDone: () => void;
}) {
  const { rule, stage } = props;
  const form = useForm({
    initial: { reason: '', unproven: '' },
    check: ({ reason }) => (reason.trim() === '' ? { reason: 'Say why: whoever has to approve reads it' } : {}),
    send: ({ reason, unproven }) => moveRule(rule.rule, stage, reason.trim(), unproven.trim()),
    onSent: props.onDone,
  });
  return (
    <FormDialog
      form={form}
      title={`${rule.rule} to ${stage}`}
      submitLabel={`Go on to ${stage}`}
      danger
      testId="promote-dialog"
      onCancel={props.onClose}
    >
      <p>
        In {stage}, {STAGE_MEANS[stage]} Beyond what the installation is set to, a second person has to approve it
        first.
      </p>
      {rule.next?.problem != null && (
        <p class="warn-text small">The server will refuse it for now: {rule.next.problem}.</p>
      )}
      <TextField
        field={form.field('reason')}
        label="Reason"
        maxLength={500}
        placeholder="Two weeks in shadow, nothing wrong"
      />
      <TextField field={form.field('unproven')} label="Why without a replay that passes (only then)" maxLength={500} />
    </FormDialog>
  );
}

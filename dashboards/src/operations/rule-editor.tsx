import { useState } from 'preact/hooks';
import type {
  AllocationChange,
  AllocationRuleItem,
  AllocationRuleSet,
  BillItem,
} from '../../../src/api/bills-contract.ts';
import { ApiError } from '../shared/api-client.ts';
import { Form, TextField } from '../shared/form.tsx';
import { formatAmount } from '../shared/money.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { changeRules, listBills, previewRules } from './bill-api.ts';
import { ChangeView } from './bill-change.tsx';
import { daysText } from './bill-text.ts';
import { RuleForm } from './rule-form.tsx';
import { RuleJson } from './rule-json.tsx';
import { RuleList } from './rule-list.tsx';
import { ruleAt } from './rule-text.ts';

type Rules = readonly AllocationRuleItem[];
type Editing = { readonly kind: 'new' } | { readonly kind: 'rule'; readonly index: number } | { readonly kind: 'json' };

/** A copy of the rules that is changed, tried on a bill, and saved as a whole. */
export function RuleEditor(props: {
  start: Rules;
  /** The version that saving must still find. */
  basedOn: number;
  /** They are those of an earlier version, and can be saved again. */
  isOld: boolean;
  onSaved: (set: AllocationRuleSet) => void;
}) {
  const { start } = props;
  const [rules, setRules] = useState<Rules>(start);
  const [editing, setEditing] = useState<Editing | undefined>();
  const [error, setError] = useState<ApiError | undefined>();
  const change = (next: Rules) => {
    setRules(next);
    setError(undefined);
    setEditing(undefined);
  };
  const faultIndex = ruleAt(error?.problem?.pointer);
  const problem =
    error === undefined || faultIndex === undefined ? undefined : { index: faultIndex, text: error.message };
  const changed = props.isOld || JSON.stringify(rules) !== JSON.stringify(start);
  const edited = editing?.kind === 'rule' ? rules[editing.index] : undefined;
  return (
    <>
      <div class="item-actions">
        <button type="button" class="button small" onClick={() => setEditing({ kind: 'new' })}>
          Add a rule
        </button>
        <button type="button" class="button small" onClick={() => setEditing({ kind: 'json' })}>
          Edit as JSON
        </button>
        {changed && !props.isOld && (
          <button type="button" class="button small" onClick={() => change(start)}>
            Undo all changes
          </button>
        )}
      </div>
      {editing?.kind === 'json' ? (
        <RuleJson rules={rules} onDone={change} onCancel={() => setEditing(undefined)} />
      ) : (
        <RuleList
          rules={rules}
          problem={problem}
          actions={(rule, index) => (
            <RuleActions
              rule={rule}
              index={index}
              rules={rules}
              onChange={change}
              onEdit={() => setEditing({ kind: 'rule', index })}
            />
          )}
        />
      )}
      {(editing?.kind === 'new' || edited !== undefined) && (
        <RuleForm
          rule={edited}
          others={rules.filter((rule) => rule !== edited).map(({ id }) => id)}
          onClose={() => setEditing(undefined)}
          onDone={(rule) =>
            change(edited === undefined ? [...rules, rule] : rules.map((one) => (one === edited ? rule : one)))
          }
        />
      )}
      {changed && <Save {...props} rules={rules} onRefused={setError} />}
      <Trial rules={rules} onRefused={setError} />
    </>
  );
}

function moved(rules: Rules, from: number, to: number): Rules {
  const rule = rules[from];
  return rule === undefined ? rules : rules.toSpliced(from, 1).toSpliced(to, 0, rule);
}

function RuleActions(props: {
  rule: AllocationRuleItem;
  index: number;
  rules: Rules;
  onChange: (rules: Rules) => void;
  onEdit: () => void;
}) {
  const { rule, index, rules, onChange } = props;
  const step = (by: number, label: string, sign: string) => (
    <button
      type="button"
      class="button small"
      aria-label={`Move ${rule.id} ${label}`}
      disabled={index + by < 0 || index + by >= rules.length}
      onClick={() => onChange(moved(rules, index, index + by))}
    >
      {sign}
    </button>
  );
  return (
    <>
      {step(-1, 'up', '↑')}
      {step(1, 'down', '↓')}
      <button type="button" class="button small" aria-label={`Edit ${rule.id}`} onClick={props.onEdit}>
        Edit
      </button>
      <button
        type="button"
        class="button small danger-quiet"
        aria-label={`Take ${rule.id} out`}
        onClick={() => onChange(rules.toSpliced(index, 1))}
      >
        Take out
      </button>
    </>
  );
}

/** A refusal that is about one rule stands at the rule, and only there. */
async function orRefused<T>(work: Promise<T>, onRefused: (error: ApiError | undefined) => void): Promise<T> {
  onRefused(undefined);
  try {
    return await work;
  } catch (thrown) {
    if (thrown instanceof ApiError) onRefused(thrown);
    throw thrown;
  }
}

function Save(props: {
  rules: Rules;
  basedOn: number;
  onSaved: (set: AllocationRuleSet) => void;
  onRefused: (error: ApiError | undefined) => void;
}) {
  const form = useForm({
    initial: { comment: '' },
    check: ({ comment }) =>
      comment.trim() === '' ? { comment: 'Say what changed: it is kept with the version.' } : {},
    send: ({ comment }) => orRefused(changeRules(props.basedOn, props.rules, comment.trim()), props.onRefused),
    onSent: props.onSaved,
  });
  return (
    <section class="card panel" aria-label="Save the rules" data-testid="save-rules">
      <p>
        <strong>Not saved yet.</strong>{' '}
        <span class="muted">Try it on a bill below, then save it as a new version.</span>
      </p>
      <Form form={form} submitLabel="Save as a new version">
        <TextField field={form.field('comment')} label="What changed and why" maxLength={1_000} />
      </Form>
    </section>
  );
}

interface Tried {
  readonly change: AllocationChange;
  readonly currency: string;
}

function Trial(props: { rules: Rules; onRefused: (error: ApiError | undefined) => void }) {
  const bills = useLive('bills to try rules on', (signal) => listBills(false, signal), null);
  const current = (bills.data ?? []).filter(({ state }) => state === 'current');
  if (current.length === 0) {
    return <p class="muted small">Once a bill is imported, rules can be tried on it here before they are saved.</p>;
  }
  return <TrialForm {...props} key={current[0]?.id} bills={current} />;
}

function TrialForm(props: {
  rules: Rules;
  bills: readonly BillItem[];
  onRefused: (error: ApiError | undefined) => void;
}) {
  const { bills, rules } = props;
  const [tried, setTried] = useState<{ readonly rules: Rules; readonly result: Tried } | undefined>();
  const form = useForm({
    initial: { bill_id: bills[0]?.id ?? '' },
    send: async ({ bill_id: id }) => {
      const change = await orRefused(previewRules(id, rules), props.onRefused);
      const currency = bills.find((bill) => bill.id === id)?.currency ?? 'USD';
      return { rules, result: { change, currency } };
    },
    onSent: setTried,
  });
  const isOutdated = tried !== undefined && tried.rules !== rules;
  return (
    <section class="card panel" aria-labelledby="trial" data-testid="trial">
      <h2 id="trial">Try these rules on a bill</h2>
      <Form form={form} submitLabel="Show what they change">
        <label class="filter">
          <span class="field-label">Bill</span>
          <select value={form.values.bill_id} onChange={(event) => form.change({ bill_id: event.currentTarget.value })}>
            {bills.map((bill) => (
              <option key={bill.id} value={bill.id}>
                {bill.file_name}, {daysText(bill.from, bill.to)}, {formatAmount(bill.bill_micro, bill.currency)}
              </option>
            ))}
          </select>
        </label>
      </Form>
      {isOutdated && <p class="warn-text small">The rules were changed since. Show it again.</p>}
      {tried !== undefined && <ChangeView {...tried.result} />}
    </section>
  );
}

import type { AllocationRuleItem } from '../../../src/api/bills-contract.ts';
import { USAGE_UNITS } from '../../../src/domain/usage.ts';
import { AreaField, FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { type FormState, useForm } from '../shared/use-form.ts';
import { checkRule, draftOf, METHODS, RULE_DRAFT, type RuleDraft, ruleOf } from './rule-draft.ts';

const KEYS = [...Object.keys(USAGE_UNITS), 'ai_cost'];

type RuleFormState = FormState<RuleDraft>;

/** One rule. It goes into the page's draft; the server looks at all rules when they are tried or saved. */
export function RuleForm(props: {
  rule: AllocationRuleItem | undefined;
  others: readonly string[];
  onClose: () => void;
  onDone: (rule: AllocationRuleItem) => void;
}) {
  const { rule, others } = props;
  const form = useForm({
    initial: rule === undefined ? RULE_DRAFT : draftOf(rule),
    check: (draft) => checkRule(draft, others),
    send: (draft) => Promise.resolve(ruleOf(draft)),
    onSent: props.onDone,
  });
  return (
    <FormDialog
      form={form}
      title={rule === undefined ? 'New rule' : `Rule ${rule.id}`}
      submitLabel="Take over"
      testId="rule-dialog"
      wide
      onCancel={props.onClose}
    >
      <div class="fields">
        <TextField field={form.field('id')} label="Name" placeholder="shared-postgres" maxLength={64} />
        <TextField
          field={form.field('part')}
          label="Part of the costs"
          placeholder="databases"
          hint="Empty: the line’s service category"
        />
        <AreaField
          field={form.field('match')}
          label="Lines that it is for"
          rows={3}
          mono
          placeholder={'service = Managed PostgreSQL\nregion = eu-*\ntag.env = prod'}
          hint="One condition a line: provider, issuer, account, sub_account, service, category, region, resource, sku, description, charge_category or tag.NAME. The same name again means “or”; different names must all hold. * stands for any text. Empty: every line."
        />
        <div class="full">
          <SelectField field={form.field('kind')} label="Shared out" options={METHODS} />
        </div>
        <MethodFields form={form} />
      </div>
    </FormDialog>
  );
}

function MethodFields({ form }: { form: RuleFormState }) {
  const { kind, from } = form.values;
  switch (kind) {
    case 'direct':
      return (
        <>
          <SelectField
            field={form.field('from')}
            label="Whose it is stands in"
            options={[
              ['tag', 'a tag'],
              ['sub_account', 'the sub account'],
              ['resource', 'the resource'],
            ]}
          />
          {from === 'tag' && <TextField field={form.field('tag')} label="Tag" />}
          <AreaField
            field={form.field('tenants')}
            label="Translated"
            rows={3}
            mono
            placeholder="prod-acme = acme"
            hint="What stands there = tenant. What is not listed is the tenant’s id itself."
          />
        </>
      );
    case 'proportional':
      return (
        <>
          <TextField field={form.field('key')} label="Usage metric" suggestions={KEYS} hint="Or meter:NAME" />
          <UsageFields form={form} />
        </>
      );
    case 'weighted':
      return (
        <>
          <AreaField
            field={form.field('keys')}
            label="Usage metrics and weights"
            rows={3}
            mono
            hint="cpu_ns = 3 and db_ns = 1: three quarters by CPU, a quarter by database time."
          />
          <UsageFields form={form} />
        </>
      );
    case 'even':
      return (
        <AreaField
          field={form.field('plans')}
          label="Plans"
          rows={2}
          mono
          hint="One a line. Empty: every tenant with requests in the days of the charge."
        />
      );
    case 'fixed':
      return (
        <>
          <AreaField
            field={form.field('shares')}
            label="Shares"
            rows={4}
            mono
            placeholder={'acme = 25 %\nbolt = 12.5 %'}
            hint="All in percent, or all as amounts of one month."
          />
          <SelectField field={form.field('rest')} label="What is left" options={['unallocated', 'shared']} />
        </>
      );
    case 'follow':
      return (
        <SelectField
          field={form.field('scope')}
          label="As the other charges"
          options={[
            ['service', 'of the same service'],
            ['bill', 'of the whole bill'],
          ]}
        />
      );
    default:
      return <p class="muted full">It stays a line of its own: shared, and nobody’s.</p>;
  }
}

function UsageFields({ form }: { form: RuleFormState }) {
  const { idle } = form.values;
  return (
    <>
      <SelectField
        field={form.field('without_tenant')}
        label="Usage without a known tenant"
        options={[
          ['unallocated', 'stays unallocated'],
          ['spread', 'is spread over the others'],
        ]}
      />
      <SelectField
        field={form.field('idle')}
        label="Idle capacity"
        options={[
          ['none', 'not told apart'],
          ['per_hour', 'so much an hour is paid for'],
          ['key', 'another metric counts what is paid for'],
        ]}
      />
      {idle !== 'none' && (
        <>
          <TextField field={form.field('idle_key')} label="Capacity of" suggestions={KEYS} />
          <TextField
            field={form.field('idle_capacity')}
            label={idle === 'key' ? 'Counted by' : 'An hour'}
            placeholder={idle === 'key' ? 'meter:cores_paid' : '57600000000000'}
            hint={idle === 'key' ? undefined : 'In the metric’s own unit: 16 cores are 57600000000000 ns of CPU.'}
          />
          <SelectField
            field={form.field('idle_treatment')}
            label="What is idle"
            options={[
              ['own_line', 'is a line of its own'],
              ['spread', 'is paid by those who use the rest'],
            ]}
          />
        </>
      )}
    </>
  );
}

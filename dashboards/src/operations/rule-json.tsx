import type { AllocationRuleItem } from '../../../src/api/bills-contract.ts';
import { AreaField, Form } from '../shared/form.tsx';
import { useForm } from '../shared/use-form.ts';
import { parseRules } from './rule-text.ts';

/** All rules as the API takes them. The server looks at them when they are tried or saved. */
export function RuleJson(props: {
  rules: readonly AllocationRuleItem[];
  onDone: (rules: readonly AllocationRuleItem[]) => void;
  onCancel: () => void;
}) {
  const form = useForm({
    initial: { rules: JSON.stringify(props.rules, null, 2) },
    check: ({ rules }): Record<string, string> => {
      const read = parseRules(rules);
      return typeof read === 'string' ? { rules: read } : {};
    },
    send: ({ rules }) => Promise.resolve(parseRules(rules)),
    onSent: (read) => {
      if (typeof read !== 'string') props.onDone(read);
    },
  });
  return (
    <div class="card panel" data-testid="rules-json">
      <Form form={form} submitLabel="Take over" onCancel={props.onCancel}>
        <AreaField
          field={form.field('rules')}
          label="Rules as JSON, in the order in which they are tried"
          rows={18}
          mono
          hint="The schema is in /openapi.json, under AllocationRule."
        />
      </Form>
    </div>
  );
}

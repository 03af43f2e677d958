import type { ComponentChildren } from 'preact';
import type { AllocationRuleItem } from '../../../src/api/bills-contract.ts';
import { conditionsText, methodText } from './rule-text.ts';

/** The rules in the order in which they are tried. `problem`: what the server minds about one. */
export function RuleList(props: {
  rules: readonly AllocationRuleItem[];
  problem?: { readonly index: number; readonly text: string } | undefined;
  actions?: (rule: AllocationRuleItem, index: number) => ComponentChildren;
}) {
  const { rules, problem } = props;
  if (rules.length === 0) {
    return (
      <p class="card table-empty" data-testid="no-rules">
        No rule yet: every line is unallocated. Add one, such as Managed PostgreSQL by db_ns.
      </p>
    );
  }
  return (
    <ol class="versions stack" data-testid="rules">
      {rules.map((rule, index) => (
        <li key={rule.id} class={`item card${problem?.index === index ? ' at-fault' : ''}`} data-rule={rule.id}>
          <div class="item-main">
            <p class="item-head">
              <span class="muted">{index + 1}</span>
              <strong>{rule.id}</strong>
              {rule.part !== null && <span class="badge">{rule.part}</span>}
            </p>
            <p>
              <span class="muted">For</span> {conditionsText(rule)}
            </p>
            <p>
              <span class="muted">Shared out</span> {methodText(rule.method)}
            </p>
            {problem?.index === index && (
              <p class="bad-text" role="alert" data-testid="rule-problem">
                {problem.text}
              </p>
            )}
          </div>
          {props.actions !== undefined && <div class="item-actions">{props.actions(rule, index)}</div>}
        </li>
      ))}
    </ol>
  );
}

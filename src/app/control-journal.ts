import type { Action, Situation } from '../control/policy.ts';
import type { ImpactVerdict } from '../control/policy-evidence.ts';
import { recordOf } from '../control/policy-record.ts';
import type { DecisionJournal } from '../control/ports.ts';
import type { PolicyJournal } from '../store/postgres/policy-journal.ts';
import { worstP95 } from './policy-evidence.ts';

/** Writes each action that was carried out, and once for each tick the situation that all of them were decided from. */
export function decisionJournal(store: Pick<PolicyJournal, 'addInput' | 'add'>): DecisionJournal {
  const inputs = new WeakMap<Situation, Promise<string>>();
  const inputOf = async (situation: Situation) => {
    const known = inputs.get(situation) ?? store.addInput({ at: situation.now, ...recordOf(situation) });
    inputs.set(situation, known);
    return known;
  };
  return {
    note: async (situation, _decision, action, throttle) => {
      const inputId = await inputOf(situation);
      if (action.kind === 'page') return;
      const { now: at, evidence } = situation;
      await store.add(inputId, {
        at,
        ...actionRow(action, throttle?.flag.id),
        victimsP95Before: action.kind === 'throttle' ? hurtBy(action, evidence?.verdicts ?? []) : null,
      });
    },
  };
}

function actionRow(action: Exclude<Action, { kind: 'page' }>, flagId: string | undefined) {
  const { kind } = action;
  switch (kind) {
    case 'throttle': {
      const { tenantId, reason: explanation, anomalyId = null } = action.throttle;
      return { kind, tenantId, explanation, anomalyId, flagId: flagId ?? null, heldBackBy: action.heldBackBy };
    }
    case 'ask':
    case 'alert': {
      const { tenantId, explanation, anomalyId } = action;
      return { kind, tenantId, explanation, anomalyId, flagId: null, heldBackBy: [action.heldBackBy] };
    }
    case 'lift': {
      const { tenantId, explanation, throttleId } = action;
      return { kind, tenantId, explanation, anomalyId: null, flagId: throttleId, heldBackBy: [] };
    }
  }
}

/** Only victims of this tenant count: it is lifted if they do not get better. */
function hurtBy(
  { throttle }: Extract<Action, { kind: 'throttle' }>,
  verdicts: readonly ImpactVerdict[],
): number | null {
  const blamed = verdicts.filter(({ kind, suspects }) => kind === 'culprit' && suspects[0] === throttle.tenantId);
  const [latest] = blamed.toSorted((a, b) => b.at - a.at);
  return latest === undefined ? null : worstP95(latest);
}

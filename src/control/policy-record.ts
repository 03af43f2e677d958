import { type Decision, decide, POLICY, type Situation } from './policy.ts';

/** A decision with all that it was made from, as plain JSON. */
export interface DecisionRecord {
  readonly policy: string;
  readonly situation: Situation;
  readonly decision: Decision;
}

/**
 * Plain data. Figures that are not numbers become null, which the policy takes for "not known" as it does them; so the
 * decision is made from the record's own figures, not from the originals.
 */
export function recordOf(situation: Situation): DecisionRecord {
  const plain = JSON.parse(JSON.stringify(situation)) as Situation;
  return { policy: POLICY, situation: plain, decision: decide(plain) };
}

/** The same decision made again. undefined: another version of the policy made it, so nothing can be said. */
export function replay({ policy, situation }: DecisionRecord): Decision | undefined {
  return policy === POLICY ? decide(situation) : undefined;
}

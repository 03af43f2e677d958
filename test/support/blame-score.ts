import { PoolBlame, type Verdict } from '../../src/detect/blame/pool-blame.ts';
import { type Incident, type Setting, simulatePool } from './blame-queue.ts';

export interface BlameOutcome {
  readonly incident: Incident;
  /** undefined: the victims were not hurt enough for a verdict. */
  readonly first: Verdict | undefined;
  readonly verdicts: readonly Verdict[];
  readonly culprits: readonly string[];
  readonly onset: number;
}

/** Runs one simulated incident; undefined when tenants were hurt before it began, as then nobody knows the truth. */
export function judgeIncident(incident: Incident, setting: Setting, seed: number): BlameOutcome | undefined {
  const pool = simulatePool({ seed, incident, setting });
  const blame = new PoolBlame();
  const verdicts = pool.minutes.flatMap(({ at, uses }) => blame.minute(at, uses) ?? []);
  const [first] = verdicts;
  if (first !== undefined && first.at < pool.onset) return undefined;
  return { incident, first, verdicts, culprits: pool.culprits, onset: pool.onset };
}

import { describe, expect, it } from 'vitest';
import type { Incident, Setting } from '../../support/blame-queue.ts';
import { type BlameOutcome, judgeIncident } from '../../support/blame-score.ts';

/** A few of each kind, so that the suite stays fast; the bench `blame` runs hundreds. */
function outcomes(incident: Incident, setting: Setting, seeds: readonly number[]): BlameOutcome[] {
  return seeds.flatMap((seed) => judgeIncident(incident, setting, seed) ?? []);
}

const SEEDS = [501, 502, 503, 504];

describe('a queue with room to spare', () => {
  it.each(['burst', 'big-tenant', 'ramp', 'heavy-requests', 'retry-storm'] as const)(
    'names who did it: %s',
    (incident) => {
      const judged = outcomes(incident, 'standard', SEEDS);
      expect(judged.length).toBeGreaterThan(2);
      for (const { first, culprits } of judged) expect([first?.suspects[0]?.tenantId]).toEqual(culprits);
    },
  );

  it.each(['costly-release', 'slow-dependency'] as const)('accuses nobody: %s', (incident) => {
    const judged = outcomes(incident, 'standard', SEEDS);
    expect(judged.length).toBeGreaterThan(2);
    for (const { verdicts } of judged) {
      expect(verdicts.length).toBeGreaterThan(0);
      expect(verdicts.filter(({ kind }) => kind === 'culprit')).toEqual([]);
    }
  });
});

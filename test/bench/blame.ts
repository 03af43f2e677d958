import { CULPRIT_INCIDENTS, GLOBAL_INCIDENTS, type Incident, type Setting } from '../support/blame-queue.ts';
import { type BlameOutcome, judgeIncident } from '../support/blame-score.ts';
import type { Bench } from './bench.ts';
import { print, printTable } from './measure.ts';

const SEEDS = 60;
const SETTINGS: readonly Setting[] = ['standard', 'hard'];

interface Row {
  readonly incident: Incident;
  readonly judged: number;
  readonly alarmed: number;
  readonly top1: number;
  readonly accusedRight: number;
  readonly accusedWrong: number;
  readonly minutes: number;
}

function rowOf(incident: Incident, setting: Setting): Row {
  const outcomes = Array.from({ length: SEEDS }, (_, seed) => judgeIncident(incident, setting, seed)).filter(
    (outcome): outcome is BlameOutcome => outcome !== undefined,
  );
  const alarmed = outcomes.filter(({ first }) => first !== undefined);
  const isRight = ({ first, culprits }: BlameOutcome) => culprits.includes(first?.suspects[0]?.tenantId ?? '');
  const accused = ({ verdicts }: BlameOutcome) => verdicts.filter(({ kind }) => kind === 'culprit');
  const wrong = (outcome: BlameOutcome) =>
    accused(outcome).some(({ suspects }) => !outcome.culprits.includes(suspects[0]?.tenantId ?? ''));
  return {
    incident,
    judged: outcomes.length,
    alarmed: alarmed.length,
    top1: alarmed.filter(isRight).length,
    accusedRight: alarmed.filter((outcome) => accused(outcome).length > 0 && !wrong(outcome)).length,
    accusedWrong: alarmed.filter(wrong).length,
    minutes: alarmed.reduce((total, { first, onset }) => total + (first?.at ?? 0) - onset + 1, 0),
  };
}

const share = (part: number, whole: number) => (whole === 0 ? '-' : (part / whole).toFixed(3));

/** detection.md 6.2, gates 13 and 14, on this project's own queue. */
export const blame: Bench = {
  name: 'blame',
  summary: 'who did it: simulated incidents on a shared queue, by kind and setting',
  run() {
    print(`${SEEDS} incidents of each kind; those with victims before the incident began are left out.`);
    print('top-1: share of first verdicts whose first suspect did it. accused: in any minute of the incident.');
    for (const setting of SETTINGS) {
      const culprit = CULPRIT_INCIDENTS.map((incident) => rowOf(incident, setting));
      const others = [...GLOBAL_INCIDENTS, 'quiet' as const].map((incident) => rowOf(incident, setting));
      print();
      printTable([
        [setting, 'incidents', 'with victims', 'top-1', 'accused right', 'accused wrong', 'minutes to verdict'],
        ...[...culprit, ...others].map((row) => [
          row.incident,
          String(row.judged),
          String(row.alarmed),
          culprit.includes(row) ? share(row.top1, row.alarmed) : '-',
          culprit.includes(row) ? share(row.accusedRight, row.alarmed) : '-',
          share(row.accusedWrong, row.judged),
          row.alarmed === 0 ? '-' : (row.minutes / row.alarmed).toFixed(1),
        ]),
      ]);
      const total = (rows: readonly Row[], field: 'alarmed' | 'top1' | 'accusedWrong' | 'judged') =>
        rows.reduce((sum, row) => sum + row[field], 0);
      const global = others.slice(0, GLOBAL_INCIDENTS.length);
      print(
        `top-1, all culprits: ${share(total(culprit, 'top1'), total(culprit, 'alarmed'))} (bar: ${setting === 'hard' ? '0.95' : '0.98'})`,
      );
      print(
        `accused in a global slowdown: ${share(total(global, 'accusedWrong'), total(global, 'judged'))} (bar: at most 0.010)`,
      );
    }
    return Promise.resolve();
  },
};

/** Movements of recurring revenue as steps from what it was to what it is. */
import type { RevenueAnswer } from '../../../src/api/contract.ts';
import type { Micro } from '../shared/money.ts';
import { differenceOf, sumMicro } from './money-sum.ts';

interface BridgeStep {
  readonly id: string;
  readonly label: string;
  /** What it adds; what takes away is below zero. */
  readonly micro: Micro;
  readonly kind: 'stand' | 'up' | 'down';
  /** Where its bar begins and how long it is, in percent of the widest standing. */
  readonly from: number;
  readonly width: number;
}

type Movement = RevenueAnswer['movements'][number];

export interface Bridge {
  readonly steps: readonly BridgeStep[];
  /** after - everything else: 0, or it is a fault. */
  readonly residualMicro: Micro;
}

export function bridgeOf(movement: Movement): Bridge {
  const changes = [
    ['new', 'New', movement.new_micro],
    ['reactivation', 'Come back', movement.reactivation_micro],
    ['expansion', 'Expansion', movement.expansion_micro],
    ['contraction', 'Contraction', differenceOf(0, movement.contraction_micro)],
    ['churn', 'Churn', differenceOf(0, movement.churn_micro)],
  ] as const;
  const stands = [Number(movement.before_micro)];
  for (const [, , micro] of changes) stands.push((stands.at(-1) ?? 0) + Number(micro));
  const top = Math.max(...stands, Number(movement.after_micro), 1);
  const bar = (a: number, b: number) => ({ from: (Math.min(a, b) / top) * 100, width: (Math.abs(b - a) / top) * 100 });
  const steps: BridgeStep[] = [
    { id: 'before', label: 'At the start', micro: movement.before_micro, kind: 'stand', ...bar(0, stands[0] ?? 0) },
    ...changes.map(([id, label, micro], index) => ({
      ...{ id, label, micro },
      kind: Number(micro) < 0 || id === 'contraction' || id === 'churn' ? ('down' as const) : ('up' as const),
      ...bar(stands[index] ?? 0, stands[index + 1] ?? 0),
    })),
    {
      ...{ id: 'after', label: 'At the end', micro: movement.after_micro, kind: 'stand' as const },
      ...bar(0, Number(movement.after_micro)),
    },
  ];
  const walked = sumMicro([movement.before_micro, ...changes.map(([, , micro]) => micro)]);
  return { steps, residualMicro: differenceOf(movement.after_micro, walked) };
}

/** Tenants + shared + idle + unallocated = bill + AI usage that no bill covers, as the page shows and checks it. */
import type { CostList } from '../../../src/api/contract.ts';
import type { Micro } from '../shared/money.ts';
import { differenceOf, sumMicro } from './money-sum.ts';

export interface IdentityPiece {
  readonly id: 'tenants' | 'shared' | 'idle' | 'unallocated';
  readonly label: string;
  readonly micro: Micro;
  readonly about: string;
}

export interface CostIdentity {
  readonly pieces: readonly IdentityPiece[];
  readonly billMicro: Micro;
  readonly estimatedMicro: Micro;
  /** bill + estimated. */
  readonly wholeMicro: Micro;
  /** whole - pieces, worked out here from what is shown. */
  readonly residualMicro: Micro;
  /** Both the server's figure and this page's own are zero. */
  readonly isWhole: boolean;
}

export function costIdentity(costs: CostList): CostIdentity {
  const tenants = sumMicro([...costs.items.map((item) => item.cost_micro), costs.more_micro]);
  const pieces: readonly IdentityPiece[] = [
    { id: 'tenants', label: 'Tenants', micro: tenants, about: 'Shared out to tenants by the rules' },
    { id: 'shared', label: 'Shared', micro: costs.shared_micro, about: 'Kept as the operator’s own by a rule' },
    { id: 'idle', label: 'Idle', micro: costs.idle_micro, about: 'Paid for and used by nobody' },
    { id: 'unallocated', label: 'Unallocated', micro: costs.unallocated_micro, about: 'No rule says whose it is' },
  ];
  const wholeMicro = sumMicro([costs.bill_micro, costs.estimated_micro]);
  const residualMicro = differenceOf(wholeMicro, sumMicro(pieces.map(({ micro }) => micro)));
  return {
    ...{ pieces, billMicro: costs.bill_micro, estimatedMicro: costs.estimated_micro, wholeMicro, residualMicro },
    isWhole: residualMicro === 0 && costs.residual_micro === 0,
  };
}

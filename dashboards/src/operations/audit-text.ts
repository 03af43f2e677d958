import type { AuditChain } from '../../../src/api/audit-contract.ts';
import { formatExact } from '../shared/format.ts';
import { formatSpan } from '../shared/time-format.ts';

export interface ChainLine {
  readonly tone: 'good' | 'bad' | 'plain';
  readonly text: string;
}

/** The state of the chain in one line. `now`: Unix ms on the server's clock. */
export function chainLine(chain: AuditChain, now: number): ChainLine {
  if (chain.state === 'checking') {
    const { checked = 0, total = 0 } = chain.progress ?? {};
    return { tone: 'plain', text: `Checking: ${formatExact(checked)} of ${formatExact(total)} entries` };
  }
  if (chain.checked_at === null) return { tone: 'plain', text: 'Not checked since the server started' };
  const age = now - Date.parse(chain.checked_at);
  const when = age < 5_000 ? 'just now' : `${formatSpan(age)} ago`;
  if (chain.state === 'intact') {
    return { tone: 'good', text: `Checked ${when}: intact, ${formatExact(chain.entries)} entries` };
  }
  const count = chain.problems_total;
  return {
    tone: 'bad',
    text: `Checked ${when}: not whole, ${formatExact(count)} ${count === 1 ? 'problem' : 'problems'}`,
  };
}

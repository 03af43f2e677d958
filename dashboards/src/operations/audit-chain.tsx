import { useState } from 'preact/hooks';
import { serverNow } from '../shared/api-client.ts';
import { useLive } from '../shared/use-live.ts';
import { useNow } from '../shared/use-now.ts';
import { chainLine } from './audit-text.ts';
import { CopyButton } from './copy-button.tsx';
import { auditChain } from './telemetry-api.ts';

const CHECKING_MS = 1_000;
const QUIET_MS = 60_000;

/** Whether the log is whole, what is wrong with it, and its head for keeping. */
export function ChainState() {
  const [asked, setAsked] = useState(0);
  const [checking, setChecking] = useState(false);
  const live = useLive(
    `audit-chain ${asked}`,
    async (signal) => {
      const chain = await auditChain(asked > 0, signal);
      setChecking(chain.state === 'checking');
      return chain;
    },
    checking ? CHECKING_MS : QUIET_MS,
  );
  useNow();
  const chain = live.data;
  if (chain === undefined) {
    if (live.error === undefined) return <p class="chain card muted">Checking the log …</p>;
    return <p class="chain card bad-text">The log could not be checked: {live.error.message}</p>;
  }
  const line = chainLine(chain, serverNow());
  return (
    <section class={`chain card chain-${line.tone}`} aria-label="State of the log" data-testid="audit-chain">
      <p class="chain-line">
        <strong data-testid="audit-chain-text">{line.text}</strong>
        <button type="button" class="button small" disabled={live.pending} onClick={() => setAsked(asked + 1)}>
          Check now
        </button>
        {chain.state === 'intact' && chain.head !== null && (
          <CopyButton text={`${chain.head.position}:${chain.head.hash}`} label="Copy its head" />
        )}
      </p>
      {chain.state === 'intact' && (
        <p class="muted small">
          Every entry holds a hash over the one before, so that an edit, a deletion or another order shows. Keep the
          head elsewhere: <code>tenantry audit verify --head</code> then also finds an end that was cut off.
        </p>
      )}
      {chain.problems.length > 0 && (
        <ul class="chain-problems">
          {chain.problems.map(({ kind, position, id, detail }) => (
            <li key={`${kind} ${position} ${id}`}>
              <span class="badge anomaly">{kind}</span> {detail}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

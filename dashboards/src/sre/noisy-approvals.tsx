import { useState } from 'preact/hooks';
import type { ApprovalList } from '../../../src/api/contract.ts';
import { formatShort } from '../shared/format.ts';
import { formatSpan } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { ActDialog } from './act-dialog.tsx';
import { decideApproval } from './noisy-api.ts';

type Approval = ApprovalList['items'][number];
type Verdict = 'approve' | 'deny';

/** What waits for a person. Nothing is shown while nothing waits. */
export function Approvals(props: { approvals: readonly Approval[]; mayDecide: boolean; onDecided: () => void }) {
  const now = useNow();
  const [deciding, setDeciding] = useState<{ approval: Approval; verdict: Verdict } | undefined>();
  const waiting = props.approvals.filter((one) => one.state === 'pending' && Date.parse(one.expires_at) > now);
  if (waiting.length === 0 && deciding === undefined) return null;
  return (
    <section class="card list approvals" aria-label="Waiting for a person" data-testid="approvals">
      <h2>Waiting for a person</h2>
      <ul>
        {waiting.map((approval) => (
          <li key={approval.id} data-approval={approval.id}>
            <p>{approval.explanation}</p>
            <p class="muted small">
              {limitText(approval)}Asked by {approval.asked_by}; without an answer in{' '}
              {formatSpan(Date.parse(approval.expires_at) - now)} nothing is done.
            </p>
            {props.mayDecide && (
              <p class="approval-actions">
                <button
                  type="button"
                  class="button primary small"
                  onClick={() => setDeciding({ approval, verdict: 'approve' })}
                >
                  Approve …
                </button>
                <button type="button" class="button small" onClick={() => setDeciding({ approval, verdict: 'deny' })}>
                  Deny …
                </button>
              </p>
            )}
          </li>
        ))}
      </ul>
      {deciding !== undefined && (
        <Decide
          {...deciding}
          onClose={() => setDeciding(undefined)}
          onDone={() => {
            setDeciding(undefined);
            props.onDecided();
          }}
        />
      )}
    </section>
  );
}

function limitText({ throttle }: Approval): string {
  if (throttle === null) return '';
  const scope = [throttle.service, throttle.route].filter((part) => part !== null).join(' ');
  const where = scope === '' ? '' : ` on ${scope}`;
  return `Limit ${formatShort(throttle.requests_per_second)} requests/s${where}, for ${formatSpan(throttle.expires_in_seconds * 1_000)}. `;
}

function Decide(props: { approval: Approval; verdict: Verdict; onClose: () => void; onDone: () => void }) {
  const { approval, verdict } = props;
  const [note, setNote] = useState('');
  const [tried, setTried] = useState(false);
  const text = note.trim();
  const isApproval = verdict === 'approve';
  return (
    <ActDialog
      id="approval"
      testId="approval-dialog"
      title={isApproval ? 'Approve' : 'Deny'}
      intro={approval.explanation}
      reason={note}
      onReason={setNote}
      reasonHint={isApproval ? 'Its import hurts the others' : 'Their launch is today'}
      reasonProblem={tried && text === '' ? 'Say why: whoever asked reads it' : undefined}
      preview={<p>{outcomeText(approval, isApproval)}</p>}
      submit={isApproval ? 'Approve' : 'Deny'}
      isHarsh={isApproval && approval.throttle !== null}
      send={() => {
        setTried(true);
        return text === '' ? undefined : decideApproval(approval.id, verdict, text);
      }}
      onClose={props.onClose}
      onDone={props.onDone}
    />
  );
}

function outcomeText(approval: Approval, isApproval: boolean): string {
  if (!isApproval) return 'Nothing is done.';
  if (approval.promotion !== null) {
    return `${approval.promotion.rule} goes to the stage ${approval.promotion.stage}: it may act on every tenant as far as that stage lets it.`;
  }
  return `${approval.tenant_id ?? 'The tenant'} is throttled if the rule still finds it out of line. ${limitText(approval)}`;
}

import type { ApprovalList } from '../../../src/api/contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { formatShort } from '../shared/format.ts';
import { formatSpan } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { decideApproval } from './noisy-api.ts';

type Approval = ApprovalList['items'][number];

/** What waits for a person. Nothing is shown while nothing waits. */
export function Approvals(props: { approvals: readonly Approval[]; mayDecide: boolean; onDecided: () => void }) {
  const now = useNow();
  const waiting = props.approvals.filter((one) => one.state === 'pending' && Date.parse(one.expires_at) > now);
  if (waiting.length === 0) return null;
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
            {props.mayDecide && <Answers approval={approval} onDecided={props.onDecided} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Answers({ approval, onDecided }: { approval: Approval; onDecided: () => void }) {
  const about = approval.tenant_id ?? approval.promotion?.rule ?? '';
  return (
    <p class="approval-actions">
      <AskButton
        class="button primary small"
        label="Approve …"
        about={about}
        title="Approve"
        action="Approve"
        danger={approval.throttle !== null}
        reason="Its import hurts the others"
        onConfirm={(note) => decideApproval(approval.id, 'approve', note)}
        onDone={onDecided}
      >
        <p>{outcomeText(approval)}</p>
      </AskButton>
      <AskButton
        label="Deny …"
        about={about}
        title="Deny"
        action="Deny"
        reason="Their launch is today"
        onConfirm={(note) => decideApproval(approval.id, 'deny', note)}
        onDone={onDecided}
      >
        <p>{approval.explanation} Nothing is done about it.</p>
      </AskButton>
    </p>
  );
}

function limitText({ throttle }: Approval): string {
  if (throttle === null) return '';
  const scope = [throttle.service, throttle.route].filter((part) => part !== null).join(' ');
  const where = scope === '' ? '' : ` on ${scope}`;
  return `Limit ${formatShort(throttle.requests_per_second)} requests/s${where}, for ${formatSpan(throttle.expires_in_seconds * 1_000)}. `;
}

function outcomeText(approval: Approval): string {
  if (approval.promotion !== null) {
    return `${approval.promotion.rule} goes to the stage ${approval.promotion.stage}: it may act on every tenant as far as that stage lets it.`;
  }
  return `${approval.tenant_id ?? 'The tenant'} is throttled if the rule still finds it out of line. ${limitText(approval)}`;
}

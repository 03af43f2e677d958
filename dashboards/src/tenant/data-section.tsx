import type { DeletionRequestItem, DeletionRequestList } from '../../../src/api/deletions-contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { cancelDeletion, listDeletions, requestDeletion } from './account-api.ts';
import '../styles/account.css';

/** The wish to be deleted: what stands, what happens with it, and the way back. */
export function DeletionSection({ tenantId, isOperator }: { tenantId: string; isOperator: boolean }) {
  const live = useLive(`deletions ${tenantId}`, (signal) => listDeletions(tenantId, signal), 30_000);
  return (
    <section class="usage-section" aria-labelledby="deletion-title" data-testid="deletion">
      <h2 id="deletion-title">Deletion</h2>
      <Loaded live={live}>
        {(list) => <Requests tenantId={tenantId} isOperator={isOperator} list={list} onChange={live.refresh} />}
      </Loaded>
    </section>
  );
}

function Requests(props: { tenantId: string; isOperator: boolean; list: DeletionRequestList; onChange: () => void }) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const { tenantId, isOperator, list, onChange } = props;
  const standing = list.items.find(({ state }) => state !== 'cancelled');
  const past = list.items.filter((item) => item !== standing);
  const whose = isOperator ? `everything of ${tenantId}` : 'everything of your account';
  return (
    <>
      {standing === undefined ? (
        <div class="card deletion">
          <p>
            You can ask the operator to delete {whose}. The account is closed at once, and nothing is deleted for{' '}
            {list.waiting_days} days: until then you can take it back, and all is as it was. Then{' '}
            {list.automatic ? 'it is deleted for good.' : 'the operator deletes it for good.'}
          </p>
          <p>
            <AskButton
              class="button danger-quiet"
              testId="request-deletion"
              label="Request deletion …"
              title="Request deletion"
              action="Request deletion"
              danger
              reason="We move to another service"
              onConfirm={(reason) => requestDeletion({ reason, tenant_id: tenantId })}
              onDone={onChange}
            >
              <p>
                This asks for {whose} to be deleted: usage, members, keys and settings. Download first what you need.
              </p>
              <p>
                The account is closed at once: your users are refused, and nothing more is taken in. Nothing is deleted
                for {list.waiting_days} days, and you can take it back until then.
              </p>
            </AskButton>
          </p>
        </div>
      ) : (
        <Standing {...props} request={standing} clock={clock} />
      )}
      {past.length > 0 && (
        <ul class="deletion-past small muted">
          {past.map((item) => (
            <li key={item.id}>
              {clock.dateMinute(Date.parse(item.requested_at))}: requested by {item.requested_by}, cancelled{' '}
              {item.ended_at === null ? '' : clock.dateMinute(Date.parse(item.ended_at))}
              {item.ended_by === null ? '' : ` by ${item.ended_by}`}. {item.reason}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Standing(props: { tenantId: string; request: DeletionRequestItem; clock: TimeText; onChange: () => void }) {
  const { request, clock } = props;
  return (
    <div class="card deletion standing" data-testid="deletion-standing">
      <p>
        <strong>{request.state === 'requested' ? 'Deletion is requested.' : 'Deletion is under way.'}</strong>{' '}
        {request.next_step}
      </p>
      <p class="muted small">
        Requested by {request.requested_by} on {clock.dateMinute(Date.parse(request.requested_at))}; not before{' '}
        {clock.dateMinute(Date.parse(request.not_before))}. Reason: {request.reason}
      </p>
      <p hidden={request.state !== 'requested'}>
        <AskButton
          class="button"
          testId="cancel-deletion"
          label="Take it back …"
          title="Take the request back"
          action="Take it back"
          onConfirm={() => cancelDeletion(props.tenantId, request.id)}
          onDone={props.onChange}
        >
          <p>Nothing will be deleted. You can ask again at any time.</p>
        </AskButton>
      </p>
    </div>
  );
}

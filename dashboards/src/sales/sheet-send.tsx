import { useRef, useState } from 'preact/hooks';
import { Loaded } from '../shared/loaded.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { schedulesFor } from './sheet-api.ts';
import type { QuarterMonth } from './sheet-quarter.ts';

/** The ways that this page can leave the house, and those that there are not. */
export function SendCard(props: { tenantId: string; months: readonly QuarterMonth[] }) {
  const { tenantId } = props;
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const schedules = useLive(`schedules ${tenantId}`, (signal) => schedulesFor(tenantId, signal), null);
  const month = props.months.findLast(({ isRunning }) => !isRunning) ?? props.months.at(-1);
  return (
    <section class="card sheet-send no-print" aria-label="Send">
      <h2>Send</h2>
      <ul>
        <li>
          <h3>To the customer</h3>
          <p>Print to PDF and attach it. Tenantry sends no mail to customers by itself.</p>
          {month !== undefined && (
            <p>
              <a
                href={`/v1/statements/${encodeURIComponent(tenantId)}?month=${month.id}`}
                target="_blank"
                rel="noopener"
              >
                Statement of {month.name}
              </a>{' '}
              is the longer paper, without signals.
            </p>
          )}
        </li>
        <li>
          <h3>To a colleague</h3>
          <CopyLink />
          <p class="muted small">Opens for admin and sales who are signed in; nobody else.</p>
        </li>
        <li>
          <h3>On a schedule</h3>
          <Loaded live={schedules}>
            {(items) =>
              items.length === 0 ? (
                <p>
                  None about this customer. Report schedules deliver the figures as CSV, JSON or Parquet to a webhook,
                  not this page.
                </p>
              ) : (
                <ul class="sheet-schedules">
                  {items.map((item) => (
                    <li key={item.id}>
                      {item.name}: {item.dataset} as {item.format} each {item.period} to {item.host}, next{' '}
                      {clock.dateMinute(Date.parse(item.next_at))}
                    </li>
                  ))}
                </ul>
              )
            }
          </Loaded>
        </li>
      </ul>
    </section>
  );
}

/** The address of this page in a field, so that it can be copied by hand where the browser gives scripts no clipboard. */
function CopyLink() {
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<'no' | 'yes' | 'by hand'>('no');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      setCopied('yes');
    } catch {
      field.current?.select();
      setCopied('by hand');
    }
  };
  return (
    <p class="sheet-link">
      <input
        ref={field}
        readOnly
        value={location.href}
        aria-label="Link to this page"
        onFocus={() => field.current?.select()}
      />
      <button type="button" class="button small" onClick={() => void copy()}>
        Copy link
      </button>
      <span class="muted small" role="status">
        {copied === 'yes' ? 'Copied' : copied === 'by hand' ? 'Selected: copy it with the keyboard' : ''}
      </span>
    </p>
  );
}

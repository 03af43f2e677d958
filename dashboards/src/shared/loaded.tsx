import type { ComponentChildren } from 'preact';
import { usePreferences } from './preferences.ts';
import { ErrorState, Loading, NotUpdating } from './states.tsx';
import { timeText } from './time-format.ts';
import type { Live } from './use-live.ts';

/** An answer's three states: on its way, failed, there. What is there stays on the screen when a later one fails. */
export function Loaded<T>(props: { live: Live<T>; children: (data: T) => ComponentChildren }) {
  const { zone } = usePreferences();
  const { data, error, answeredAt, refresh } = props.live;
  if (data === undefined) return error === undefined ? <Loading /> : <ErrorState error={error} onRetry={refresh} />;
  return (
    <>
      {error !== undefined && (
        <NotUpdating error={error} since={timeText(zone).time(answeredAt ?? 0)} onRetry={refresh} />
      )}
      {props.children(data)}
    </>
  );
}

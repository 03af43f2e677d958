import { useEffect, useRef } from 'preact/hooks';
import { Notice } from '../shared/states.tsx';
import { askForToken, type EmbedSession, tellHost, useEmbedSession } from './embed-session.ts';
import { PeriodLine, UsageView, useUsage } from './usage-view.tsx';
import '../styles/embed.css';

/** A tenant's usage inside the operator's product. */
export function EmbeddedUsagePage() {
  const session = useEmbedSession();
  const root = useRef<HTMLElement>(null);
  useEffect(() => {
    const element = root.current;
    if (element === null) return;
    const tell = () => tellHost({ type: 'tenantry:height', height: Math.ceil(element.getBoundingClientRect().height) });
    const observer = new ResizeObserver(tell);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <main ref={root} class="embed" data-testid="embedded">
      {session.claims === undefined ? <Waiting /> : <Embedded claims={session.claims} turn={session.turn} />}
    </main>
  );
}

function Embedded({ claims, turn }: { claims: NonNullable<EmbedSession['claims']>; turn: number }) {
  const { tenantId, views } = claims;
  const live = useUsage(tenantId, views);
  const isRefused = live.error?.status === 401;
  useEffect(() => {
    if (isRefused) askForToken();
  }, [isRefused]);
  useEffect(() => {
    if (turn > 1) live.refresh();
  }, [turn]);
  if (isRefused) {
    return (
      <Notice title="This view has expired" testId="embed-expired">
        <p>Reload the page that shows it to go on.</p>
      </Notice>
    );
  }
  return (
    <div class="usage-page">
      {live.data && views.includes('quotas') && <PeriodLine data={live.data} />}
      <UsageView tenantId={tenantId} views={views} live={live} downloads={false} />
    </div>
  );
}

function Waiting() {
  return (
    <Notice title="No access yet" testId="embed-waiting">
      <p>This view opens inside the product that it belongs to, which has not said yet whose usage to show.</p>
    </Notice>
  );
}

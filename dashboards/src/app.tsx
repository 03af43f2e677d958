import { useEffect, useRef } from 'preact/hooks';
import { PAGES } from './pages.ts';
import { whoAmI } from './shared/api-client.ts';
import { ErrorBoundary } from './shared/error-boundary.tsx';
import { LazyPage } from './shared/lazy-page.tsx';
import { navigate, useAddress } from './shared/navigation.tsx';
import { matchPath, pageHref } from './shared/router.ts';
import { Loading, NotForRole, NotFound } from './shared/states.tsx';
import { useLive } from './shared/use-live.ts';
import { Frame } from './shell/frame.tsx';
import { homeOf, isForOthers } from './shell/nav-entries.ts';

export function App() {
  const { path, query } = useAddress();
  const session = useLive('whoami', whoAmI, null);
  const who = session.data;
  const match = matchPath(PAGES, path);
  const main = useRef<HTMLElement>(null);
  const key = match === undefined ? 'not-found' : JSON.stringify([match.entry.id, match.params]);
  const firstKey = useRef(key);
  const home = homeOf(who);
  const isElsewhere = path === '/' && home !== '/';

  useEffect(() => {
    if (isElsewhere) navigate(pageHref(home, query), { replace: true });
  }, [isElsewhere]);
  useEffect(() => {
    document.title = match === undefined ? 'Nothing here · Tenantry' : `${match.entry.title(match.params)} · Tenantry`;
    if (firstKey.current === key) return;
    firstKey.current = '';
    // A screen reader and the keyboard go on from the new page's top, not from where the old link was.
    main.current?.focus();
  }, [key]);

  // The first page differs between staff and people of a tenant: whose it is must be known before anything is shown.
  const isUndecided = path === '/' && who === undefined && session.error === undefined;
  const page =
    match === undefined ? (
      <NotFound what="There is no page at this address." whole />
    ) : isUndecided || isElsewhere ? (
      <Loading />
    ) : isForOthers(match.entry, who) ? (
      <NotForRole role={who?.role ?? ''} home={home} />
    ) : (
      <LazyPage key={key} entry={match.entry} params={match.params} query={query} who={who} />
    );
  if (match?.entry.bare) return <ErrorBoundary key={key}>{page}</ErrorBoundary>;
  return (
    <Frame pages={PAGES} entry={match?.entry} title={match?.entry.title(match.params)} who={who} main={main}>
      <ErrorBoundary key={key}>{page}</ErrorBoundary>
    </Frame>
  );
}

import { useEffect, useRef } from 'preact/hooks';
import type { WhoAmI } from '../../src/api/contract.ts';
import { PAGES } from './pages.ts';
import { endSession, whoAmI } from './shared/api-client.ts';
import { ErrorBoundary } from './shared/error-boundary.tsx';
import { LazyPage } from './shared/lazy-page.tsx';
import { Link, useAddress } from './shared/navigation.tsx';
import { type Preferences, setPreference, usePreferences } from './shared/preferences.ts';
import { matchPath, tenantsHref } from './shared/router.ts';
import { NotFound } from './shared/states.tsx';
import { zoneLabel } from './shared/time-format.ts';
import { useLive } from './shared/use-live.ts';

export function App() {
  const { path, query } = useAddress();
  const who = useLive('whoami', whoAmI, null).data;
  const match = matchPath(PAGES, path);
  const main = useRef<HTMLElement>(null);
  const key = match === undefined ? 'not-found' : JSON.stringify([match.entry.id, match.params]);
  const firstKey = useRef(key);

  useEffect(() => {
    document.title = match === undefined ? 'Tenantry' : `${match.entry.title(match.params)} · Tenantry`;
    if (firstKey.current === key) return;
    firstKey.current = '';
    // A screen reader and the keyboard go on from the new page's top, not from where the old link was.
    main.current?.focus();
  }, [key]);

  const page =
    match === undefined ? (
      <NotFound what="There is no page at this address." />
    ) : (
      <LazyPage key={key} entry={match.entry} params={match.params} query={query} who={who} />
    );
  if (match?.entry.bare) return <ErrorBoundary key={key}>{page}</ErrorBoundary>;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the figures
      </a>
      <TopBar who={who} home={tenantsHref(query)} onTenants={match?.entry.id === 'tenants'} />
      <main id="main" ref={main} tabIndex={-1}>
        <ErrorBoundary key={key}>{page}</ErrorBoundary>
      </main>
    </>
  );
}

const NEXT_THEME: Record<Preferences['theme'], Preferences['theme']> = {
  system: 'light',
  light: 'dark',
  dark: 'system',
};
const THEME_LABEL: Record<Preferences['theme'], string> = { system: 'Auto', light: 'Light', dark: 'Dark' };

function TopBar(props: { who: WhoAmI | undefined; home: string; onTenants: boolean }) {
  const { theme, zone } = usePreferences();
  const { who } = props;
  const signOut = () => {
    // Signed out or not, the page that loads next tells which.
    endSession()
      .catch(() => undefined)
      .finally(() => location.assign('/'));
  };
  return (
    <header class="topbar">
      <Link class="brand" href={props.home} current={props.onTenants}>
        <img src="/favicon.svg" alt="" width={20} height={20} />
        Tenantry
      </Link>
      <div class="topbar-end">
        <button
          type="button"
          class="button quiet small"
          title="Time zone of all times on the page"
          data-testid="zone-toggle"
          onClick={() => setPreference({ zone: zone === 'UTC' ? 'local' : 'UTC' })}
        >
          <span class="topbar-label">Times in </span>
          {zone === 'UTC' ? 'UTC' : `local, ${zoneLabel('local', -new Date().getTimezoneOffset())}`}
        </button>
        <button
          type="button"
          class="button quiet small"
          title="Colours: as the system has it, light or dark"
          data-testid="theme-toggle"
          onClick={() => setPreference({ theme: NEXT_THEME[theme] })}
        >
          <span class="topbar-label">Theme: </span>
          {THEME_LABEL[theme]}
        </button>
        {who && (
          <button type="button" class="button quiet small" title={`Signed in as ${who.subject}`} onClick={signOut}>
            <span class="topbar-label">{`${who.role} · `}</span>Sign out
          </button>
        )}
      </div>
    </header>
  );
}

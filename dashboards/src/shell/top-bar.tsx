import type { WhoAmI } from '../../../src/api/contract.ts';
import { endSession } from '../shared/api-client.ts';
import { Link } from '../shared/navigation.tsx';
import { type Preferences, setPreference, usePreferences } from '../shared/preferences.ts';
import { zoneLabel } from '../shared/time-format.ts';
import { MenuIcon } from './icons.tsx';

const NEXT_THEME: Record<Preferences['theme'], Preferences['theme']> = {
  system: 'light',
  light: 'dark',
  dark: 'system',
};
const THEME_LABEL: Record<Preferences['theme'], string> = { system: 'Auto', light: 'Light', dark: 'Dark' };

/** Signed out or not, the page that loads next tells which. */
export function signOut(): void {
  endSession()
    .catch(() => undefined)
    .finally(() => location.assign('/'));
}

/** Theme, time zone, who is signed in: in the bar where there is room, at the foot of the drawer elsewhere. */
export function Account(props: { who: WhoAmI | undefined }) {
  const { theme, zone } = usePreferences();
  const { who } = props;
  return (
    <div class="account">
      <button
        type="button"
        class="button quiet small"
        title="Time zone of all times on the page"
        data-testid="zone-toggle"
        onClick={() => setPreference({ zone: zone === 'UTC' ? 'local' : 'UTC' })}
      >
        {`Times in ${zone === 'UTC' ? 'UTC' : `local, ${zoneLabel('local', -new Date().getTimezoneOffset())}`}`}
      </button>
      <button
        type="button"
        class="button quiet small"
        title="Colours: as the system has it, light or dark"
        data-testid="theme-toggle"
        onClick={() => setPreference({ theme: NEXT_THEME[theme] })}
      >
        {`Theme: ${THEME_LABEL[theme]}`}
      </button>
      {who && (
        <>
          <span class="who" title={`Signed in as ${who.subject}, role ${who.role}`} data-testid="who">
            <span class="who-name">{who.tenant_id ?? who.subject}</span>
            <span class="badge">{who.role}</span>
          </span>
          <button type="button" class="button quiet small" onClick={signOut}>
            Sign out
          </button>
        </>
      )}
    </div>
  );
}

export function TopBar(props: {
  who: WhoAmI | undefined;
  home: string;
  isHome: boolean;
  /** Whether the navigation that the button opens is shown, and its element's id. */
  navShown: boolean;
  navId: string;
  onNav: () => void;
  hasRoom: boolean;
}) {
  return (
    <header class="topbar">
      <button
        type="button"
        class="button quiet icon-button"
        aria-label="Navigation"
        aria-expanded={props.navShown}
        aria-controls={props.navShown ? props.navId : undefined}
        data-testid="nav-toggle"
        onClick={props.onNav}
      >
        <MenuIcon />
      </button>
      <Link class="brand" href={props.home} current={props.isHome}>
        <img src="/favicon.svg" alt="" width={20} height={20} />
        Tenantry
      </Link>
      <div class="topbar-end">{props.hasRoom && <Account who={props.who} />}</div>
    </header>
  );
}

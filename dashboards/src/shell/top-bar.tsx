import type { WhoAmI } from '../../../src/api/contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { Link } from '../shared/navigation.tsx';
import { type Preferences, setPreference, usePreferences } from '../shared/preferences.ts';
import { zoneName } from '../shared/time-format.ts';
import { offsetMinutes } from '../shared/zone-time.ts';
import { signOut } from './actions.ts';
import { MenuIcon, SearchIcon } from './icons.tsx';
import { OtherTenants } from './other-tenants.tsx';
import { keyName } from './shortcuts.ts';
import { IS_MAC } from './use-shortcuts.ts';

const NEXT_THEME: Record<Preferences['theme'], Preferences['theme']> = {
  system: 'light',
  light: 'dark',
  dark: 'system',
};
const THEME_LABEL: Record<Preferences['theme'], string> = { system: 'Auto', light: 'Light', dark: 'Dark' };

/** Theme, time zone, who is signed in: in the bar where there is room, at the foot of the drawer elsewhere. */
export function Account(props: { who: WhoAmI | undefined; onZone: () => void }) {
  const { theme, zone } = usePreferences();
  const { who } = props;
  return (
    <div class="account">
      <button
        type="button"
        class="button quiet small"
        title="Time zone of all times on the page"
        data-testid="zone-toggle"
        onClick={props.onZone}
      >
        {`Times in ${zoneName(zone, offsetMinutes(serverNow(), zone))}`}
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
          <OtherTenants who={who} />
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
  onSearch: () => void;
  onZone: () => void;
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
      <div class="topbar-end">
        <button
          type="button"
          class={`button small search-button${props.hasRoom ? '' : ' quiet'}`}
          aria-label={props.hasRoom ? undefined : 'Find a page, a tenant or an action'}
          title="Find a page, a tenant or an action"
          aria-haspopup="dialog"
          data-testid="palette-open"
          onClick={props.onSearch}
        >
          <SearchIcon />
          {props.hasRoom && (
            <>
              Find
              <kbd class="key">{keyName('mod+k', IS_MAC)}</kbd>
            </>
          )}
        </button>
        {props.hasRoom && <Account who={props.who} onZone={props.onZone} />}
      </div>
    </header>
  );
}

import type { ComponentChildren, RefObject } from 'preact';
import { useState } from 'preact/hooks';
import type { WhoAmI } from '../../../src/api/contract.ts';
import { useAddress } from '../shared/navigation.tsx';
import type { PageEntry } from '../shared/page.ts';
import { setPreference, usePreferences } from '../shared/preferences.ts';
import { pageHref, withQuery } from '../shared/router.ts';
import { useMedia } from '../shared/use-media.ts';
import { homeOf, navGroups, navIdOf } from './nav-entries.ts';
import { NavDrawer, NavList } from './side-nav.tsx';
import { Account, TopBar } from './top-bar.tsx';

const NAV_ID = 'nav-side';

/** What stands around every page: the bar, the navigation, and the place where the page goes. */
export function Frame(props: {
  pages: readonly PageEntry[];
  entry: PageEntry | undefined;
  who: WhoAmI | undefined;
  main: RefObject<HTMLElement | null>;
  children: ComponentChildren;
}) {
  const { pages, entry, who } = props;
  const { path, query } = useAddress();
  const { navCollapsed } = usePreferences();
  const isWide = useMedia('(min-width: 1100px)');
  const hasRoom = useMedia('(min-width: 860px)');
  const [drawerOpen, setDrawerOpen] = useState(false);
  const nav = (
    <NavList
      groups={navGroups(pages, who)}
      pageId={entry?.id}
      currentId={entry && navIdOf(pages, entry)}
      query={query}
    />
  );
  const sideShown = isWide && !navCollapsed;
  const home = homeOf(who);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the figures
      </a>
      <TopBar
        who={who}
        home={pageHref(home, query)}
        isHome={path === home}
        navShown={isWide ? sideShown : drawerOpen}
        navId={isWide ? NAV_ID : 'nav-drawer'}
        onNav={() => (isWide ? setPreference({ navCollapsed: !navCollapsed }) : setDrawerOpen(true))}
        hasRoom={hasRoom}
      />
      <div class={`frame${sideShown ? ' with-side' : ''}`}>
        {sideShown && (
          <div class="side" id={NAV_ID}>
            {nav}
          </div>
        )}
        <main id="main" ref={props.main} tabIndex={-1}>
          {props.children}
        </main>
      </div>
      {!isWide && drawerOpen && (
        <NavDrawer onClose={() => setDrawerOpen(false)} address={withQuery(path, query)}>
          {nav}
          {!hasRoom && <Account who={who} />}
        </NavDrawer>
      )}
    </>
  );
}

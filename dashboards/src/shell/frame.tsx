import type { ComponentChildren, RefObject } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { WhoAmI } from '../../../src/api/contract.ts';
import { useAddress } from '../shared/navigation.tsx';
import type { PageEntry } from '../shared/page.ts';
import { setPreference, usePreferences } from '../shared/preferences.ts';
import { pageHref, withQuery } from '../shared/router.ts';
import { useMedia } from '../shared/use-media.ts';
import { homeOf, navGroups, navIdOf } from './nav-entries.ts';
import { Overlays } from './overlays.tsx';
import { NavDrawer, NavList } from './side-nav.tsx';
import { Account, TopBar } from './top-bar.tsx';
import { useFrame, useRecentPlace } from './use-frame.ts';

const NAV_ID = 'nav-side';

/** What stands around every page: the bar, the navigation, and the place where the page goes. */
export function Frame(props: {
  pages: readonly PageEntry[];
  entry: PageEntry | undefined;
  /** Of the page, for the recent places; undefined where there is no page. */
  title: string | undefined;
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
  const groups = useMemo(() => navGroups(pages, who), [pages, who]);
  const toggleNav = () => (isWide ? setPreference({ navCollapsed: !navCollapsed }) : setDrawerOpen(!drawerOpen));
  const { overlay, setOverlay, said, goKeys, onAction } = useFrame(groups, query, toggleNav);
  useRecentPlace(who, withQuery(path, query), props.title);

  const sideShown = isWide && !navCollapsed;
  const home = homeOf(who);
  const openZones = () => setOverlay('zones');
  const nav = <NavList groups={groups} pageId={entry?.id} currentId={entry && navIdOf(pages, entry)} query={query} />;
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
        onNav={toggleNav}
        onSearch={() => setOverlay('palette')}
        onZone={openZones}
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
          {!hasRoom && <Account who={who} onZone={openZones} />}
        </NavDrawer>
      )}
      <Overlays
        open={overlay}
        who={who}
        groups={groups}
        goKeys={goKeys}
        query={query}
        onAction={onAction}
        onClose={(closed) => setOverlay((now) => (now === closed ? undefined : now))}
      />
      <p class="toast" role="status">
        {said}
      </p>
    </>
  );
}

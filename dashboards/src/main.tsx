import { render } from 'preact';
import { App } from './app.tsx';
import { PAGES } from './pages.ts';
import { preloadPage } from './shared/lazy-page.tsx';
import { startPreferences } from './shared/preferences.ts';
import { matchPath } from './shared/router.ts';
import { startEmbedSession } from './tenant/embed-session.ts';

/** In a frame of another product; before anything is asked, because nothing there may be asked with a cookie. */
const EMBEDDED = '/embed/usage';

const root = document.getElementById('app');
if (root) {
  startPreferences();
  if (location.pathname === EMBEDDED) startEmbedSession();
  // The page's code comes while the server is still being asked who is signed in.
  const match = matchPath(PAGES, location.pathname);
  if (match) preloadPage(match.entry).catch(() => undefined);
  render(<App />, root);
}

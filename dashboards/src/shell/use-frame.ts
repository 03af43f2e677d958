import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { WhoAmI } from '../../../src/api/contract.ts';
import { navigate } from '../shared/navigation.tsx';
import { pageHref } from '../shared/router.ts';
import { runAction } from './actions.ts';
import type { NavGroup } from './nav-entries.ts';
import type { Overlay } from './overlays.tsx';
import type { ActionId } from './palette-items.ts';
import { rememberPlace } from './recent-store.ts';
import type { Command, GoKey } from './shortcuts.ts';
import { useShortcuts } from './use-shortcuts.ts';

const SAID_MS = 4_000;

/** A line that is said to everybody, seeing or not, and goes away again. */
function useSaid(): { readonly said: string; readonly say: (text: string) => void } {
  const [said, say] = useState('');
  useEffect(() => {
    if (said === '') return;
    const timer = setTimeout(() => say(''), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return { said, say };
}

/** The page's own search field gets the cursor; false where the page has none. */
function focusPageSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>('main input[type="search"]:not(:disabled)');
  field?.focus();
  field?.select();
  return field !== null;
}

function goKeysOf(groups: readonly NavGroup[]): readonly GoKey[] {
  return groups.flatMap(({ items }) =>
    items.flatMap(({ key, path, label }) => (key === undefined ? [] : [{ letter: key, path, label }])),
  );
}

/** What the frame does on shortcuts and actions, and which of its dialogs is open. */
export function useFrame(groups: readonly NavGroup[], query: URLSearchParams, toggleNav: () => void) {
  const [overlay, setOverlay] = useState<Overlay | undefined>();
  const { said, say } = useSaid();
  const goKeys = useMemo(() => goKeysOf(groups), [groups]);
  const onAction = useCallback((action: ActionId) => {
    void runAction(action, { say, openZones: () => setOverlay('zones'), openHelp: () => setOverlay('help') });
  }, []);
  const onCommand = (command: Command) => {
    if (command === 'copy-link') onAction('copy-link');
    else if (command === 'nav') toggleNav();
    else if (command === 'help') setOverlay('help');
    else if (command === 'palette' || !focusPageSearch()) setOverlay('palette');
  };
  useShortcuts(goKeys, onCommand, (path) => navigate(pageHref(path, query)));
  return { overlay, setOverlay, said, goKeys, onAction };
}

/** Keeps the page that is open among the recent places, under the title that its tab has. */
export function useRecentPlace(who: WhoAmI | undefined, href: string, title: string | undefined): void {
  useEffect(() => {
    if (who !== undefined && title !== undefined) rememberPlace(who.subject, { href, title });
  }, [who?.subject, href, title]);
}

import { useEffect, useState } from 'preact/hooks';
import type { Zone } from './time-format.ts';
import { zoneOf } from './zone-time.ts';

/** What a reader chooses for themselves, kept in this browser only. What others should see too is in the URL. */
export interface Preferences {
  readonly theme: 'system' | 'light' | 'dark';
  readonly zone: Zone;
  /** All columns of the tenant table, or the everyday ones. */
  readonly allColumns: boolean;
  /** The navigation beside the page is folded away. */
  readonly navCollapsed: boolean;
}

const KEY = 'tenantry.preferences';
const DEFAULTS: Preferences = { theme: 'system', zone: 'local', allColumns: false, navCollapsed: false };

function readStored(): Preferences {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Record<keyof Preferences, unknown>>;
    return {
      theme: stored.theme === 'light' || stored.theme === 'dark' ? stored.theme : 'system',
      zone: (typeof stored.zone === 'string' ? zoneOf(stored.zone) : undefined) ?? DEFAULTS.zone,
      allColumns: stored.allColumns === true,
      navCollapsed: stored.navCollapsed === true,
    };
  } catch {
    // Storage may be switched off or hold somebody else's text; the defaults serve as well.
    return DEFAULTS;
  }
}

let current: Preferences | undefined;
const listeners = new Set<(preferences: Preferences) => void>();

function apply(preferences: Preferences): void {
  if (preferences.theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = preferences.theme;
}

/** Reads what is stored and puts the theme in force; called once before the first paint. */
export function startPreferences(): void {
  current = readStored();
  apply(current);
}

export function setPreference(change: Partial<Preferences>): void {
  const next = { ...(current ?? DEFAULTS), ...change };
  current = next;
  apply(next);
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  for (const listener of listeners) listener(next);
}

export function usePreferences(): Preferences {
  const [preferences, setPreferences] = useState(current ?? DEFAULTS);
  useEffect(() => {
    listeners.add(setPreferences);
    return () => {
      listeners.delete(setPreferences);
    };
  }, []);
  return preferences;
}

import { type Place, parseRecent, withPlace } from './recent-places.ts';

const KEY = 'tenantry.recent';

export function readRecent(owner: string): readonly Place[] {
  try {
    const recent = parseRecent(localStorage.getItem(KEY));
    return recent.owner === owner ? recent.places : [];
  } catch {
    // Storage may be switched off.
    return [];
  }
}

export function rememberPlace(owner: string, place: Place): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(withPlace(parseRecent(localStorage.getItem(KEY)), owner, place)));
  } catch {
    // Without storage there are no recent places.
  }
}

export function forgetPlaces(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}

/** Where somebody has been lately, kept in this browser until they sign out. */
export interface Place {
  readonly href: string;
  readonly title: string;
}

export interface Recent {
  /** Whose places they are: two people who share a browser do not see each other's. */
  readonly owner: string;
  readonly places: readonly Place[];
}

const MAX_PLACES = 8;

const pathOf = (href: string) => href.split('?')[0] ?? href;

/** `recent` with a visit in front; the same page with another range or filter takes the old one's place. */
export function withPlace(recent: Recent, owner: string, place: Place): Recent {
  const others = recent.owner === owner ? recent.places : [];
  return {
    owner,
    places: [place, ...others.filter(({ href }) => pathOf(href) !== pathOf(place.href))].slice(0, MAX_PLACES),
  };
}

function isPlace(value: unknown): value is Place {
  if (typeof value !== 'object' || value === null || !('href' in value) || !('title' in value)) return false;
  // "//elsewhere" is another origin.
  return typeof value.title === 'string' && typeof value.href === 'string' && /^\/(?!\/)/.test(value.href);
}

/** What was stored, as far as it can be trusted. */
export function parseRecent(text: string | null): Recent {
  try {
    const stored: unknown = JSON.parse(text ?? 'null');
    if (typeof stored !== 'object' || stored === null || !('owner' in stored) || !('places' in stored))
      throw new Error();
    if (typeof stored.owner !== 'string' || !Array.isArray(stored.places)) throw new Error();
    return { owner: stored.owner, places: stored.places.filter(isPlace).slice(0, MAX_PLACES) };
  } catch {
    return { owner: '', places: [] };
  }
}

import { holdsAt, type PriceEntry, type PriceTerms, periodsOverlap } from '../domain/price.ts';
import { type OwnedPrice, ownedKey, type PriceEdit, placePrices } from './price-edit.ts';

/** Where in the file, and what is wrong there. */
export interface ImportProblem {
  readonly where: string;
  readonly reason: string;
}

/** What a file says. Errors forbid the import; what was skipped is listed and does not. */
export interface ParsedPrices {
  readonly terms: readonly PriceTerms[];
  readonly errors: readonly ImportProblem[];
  readonly skipped: readonly ImportProblem[];
}

/** What an import would do. */
export interface ImportPlan {
  readonly added: readonly OwnedPrice[];
  readonly changed: readonly { readonly before: readonly PriceEntry[]; readonly after: OwnedPrice }[];
  readonly removed: readonly PriceEntry[];
  readonly unchanged: number;
  readonly edit: PriceEdit;
}

/**
 * A list without dates (LiteLLM): what it says of a thing that the book has no price for is taken to hold since ever, a
 * change holds from `at` on, and what it no longer has (`removes`: of the same source) ends there.
 */
export function planUndated(
  entries: readonly PriceEntry[],
  terms: readonly PriceTerms[],
  { at, removes }: { readonly at: number; readonly removes: boolean },
): ImportPlan {
  const book = entries.filter(({ layer }) => layer === 'book');
  const byKey = grouped(book);
  const added: OwnedPrice[] = [];
  const changed: { before: readonly PriceEntry[]; after: OwnedPrice }[] = [];
  let unchanged = 0;
  for (const one of terms) {
    const price: OwnedPrice = { ...one, layer: 'book', owner: '' };
    const known = byKey.get(ownedKey(price)) ?? [];
    const now = known.find((entry) => holdsAt(entry, at));
    if (known.length === 0) added.push(price);
    else if (now !== undefined && sameRate(now, price)) unchanged += 1;
    else {
      const after = { ...price, effectiveFrom: at, effectiveTo: now?.effectiveTo ?? nextStart(known, at) };
      if (now === undefined) added.push(after);
      else changed.push({ before: [now], after });
    }
  }
  const told = new Set(terms.map((one) => ownedKey({ ...one, layer: 'book', owner: '' })));
  const [source] = terms.map((one) => one.source);
  const removed = removes
    ? book.filter((entry) => entry.source === source && holdsAt(entry, at) && !told.has(ownedKey(entry)))
    : [];
  return planned(entries, { added, changed, removed, unchanged, removedAt: at });
}

/** A list with dates (CSV, the catalogue): each price holds in its own period; `removes`: the rest of that source goes. */
export function planDated(
  entries: readonly PriceEntry[],
  prices: readonly OwnedPrice[],
  { removes }: { readonly removes: PriceTerms['source'] | null },
): ImportPlan {
  const byKey = grouped(entries);
  const added: OwnedPrice[] = [];
  const changed: { before: readonly PriceEntry[]; after: OwnedPrice }[] = [];
  let unchanged = 0;
  const kept = new Set<string>();
  for (const price of prices) {
    const known = byKey.get(ownedKey(price)) ?? [];
    const same = known.find((entry) => samePeriod(entry, price) && sameRate(entry, price));
    const before = known.filter((entry) => periodsOverlap(entry, price));
    if (same !== undefined) {
      unchanged += 1;
      kept.add(same.id);
    } else if (before.length === 0) added.push(price);
    else changed.push({ before, after: price });
  }
  const replaced = new Set(changed.flatMap(({ before }) => before.map(({ id }) => id)));
  const removed = entries.filter(
    ({ layer, source, id }) =>
      (layer === 'book' || layer === 'seed') && source === removes && !kept.has(id) && !replaced.has(id),
  );
  return planned(entries, { added, changed, removed, unchanged, removedAt: null });
}

function planned(
  entries: readonly PriceEntry[],
  plan: Omit<ImportPlan, 'edit'> & { readonly removedAt: number | null },
): ImportPlan {
  const { added, changed, removed, unchanged, removedAt } = plan;
  const gone = new Set(removed.map(({ id }) => id));
  const placed = placePrices(
    entries.filter(({ id }) => !gone.has(id)),
    [...added, ...changed.map(({ after }) => after)],
  );
  const rests = removed.flatMap(({ id, ...entry }) =>
    removedAt !== null && (entry.effectiveFrom ?? Number.NEGATIVE_INFINITY) < removedAt
      ? [{ ...entry, effectiveTo: removedAt }]
      : [],
  );
  return {
    ...{ added, changed, removed, unchanged },
    edit: { ended: [...placed.ended, ...gone], added: [...placed.added, ...rests] },
  };
}

function nextStart(known: readonly PriceEntry[], at: number): number | null {
  const starts = known.flatMap(({ effectiveFrom }) =>
    effectiveFrom !== null && effectiveFrom > at ? [effectiveFrom] : [],
  );
  return starts.length === 0 ? null : Math.min(...starts);
}

function sameRate(a: PriceTerms, b: PriceTerms): boolean {
  return (
    a.rate.base === b.rate.base &&
    a.rate.steps.length === b.rate.steps.length &&
    a.rate.steps.every(
      ({ over, pico }, index) => b.rate.steps[index]?.over === over && b.rate.steps[index]?.pico === pico,
    )
  );
}

function samePeriod(a: PriceTerms, b: PriceTerms): boolean {
  return a.effectiveFrom === b.effectiveFrom && a.effectiveTo === b.effectiveTo;
}

function grouped(entries: readonly PriceEntry[]): ReadonlyMap<string, readonly PriceEntry[]> {
  const groups = new Map<string, PriceEntry[]>();
  for (const entry of entries) {
    const key = ownedKey(entry);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}

import { type PriceEntry, type PriceLayer, type PriceTerms, periodsOverlap, subjectKey } from '../domain/price.ts';

/** A price to be written, and whose it is. */
export interface OwnedPrice extends PriceTerms {
  readonly layer: PriceLayer;
  readonly owner: string;
}

/** Rows that end, by id, and rows that are added. */
export interface PriceEdit {
  readonly ended: readonly string[];
  readonly added: readonly OwnedPrice[];
}

/** Two prices with one key may not hold at the same time. */
export function ownedKey(price: OwnedPrice): string {
  return JSON.stringify([price.layer, price.owner, subjectKey(price)]);
}

/**
 * Puts prices into the book: each takes the place of what held for the same thing in its period, and what held before
 * and after it goes on as it was.
 */
export function placePrices(entries: readonly PriceEntry[], wanted: readonly OwnedPrice[]): PriceEdit {
  const pieces = new Map<string, readonly (OwnedPrice & { readonly id?: string })[]>();
  const keys = new Set(wanted.map(ownedKey));
  for (const entry of entries) {
    const key = ownedKey(entry);
    if (keys.has(key)) pieces.set(key, [...(pieces.get(key) ?? []), entry]);
  }
  for (const price of wanted) {
    const key = ownedKey(price);
    const left = (pieces.get(key) ?? []).flatMap((piece) =>
      periodsOverlap(piece, price) ? around(piece, price) : [piece],
    );
    pieces.set(key, [...left, price]);
  }
  const kept = new Set([...pieces.values()].flat().flatMap(({ id }) => id ?? []));
  return {
    ended: entries.filter((entry) => keys.has(ownedKey(entry)) && !kept.has(entry.id)).map(({ id }) => id),
    added: [...pieces.values()].flat().filter((piece) => piece.id === undefined),
  };
}

/** What is left of a price before and after another one's period. */
function around(piece: OwnedPrice, hole: OwnedPrice): OwnedPrice[] {
  const { layer, owner, provider, model, variant, kind, daily, rate, source, sourceRef } = piece;
  const same = { layer, owner, provider, model, variant, kind, daily, rate, source, sourceRef };
  const before = { ...same, effectiveFrom: piece.effectiveFrom, effectiveTo: hole.effectiveFrom };
  const after = { ...same, effectiveFrom: hole.effectiveTo, effectiveTo: piece.effectiveTo };
  return [
    ...(hole.effectiveFrom !== null && (piece.effectiveFrom ?? Number.NEGATIVE_INFINITY) < hole.effectiveFrom
      ? [before]
      : []),
    ...(hole.effectiveTo !== null && hole.effectiveTo < (piece.effectiveTo ?? Number.POSITIVE_INFINITY) ? [after] : []),
  ];
}

/** Ends a price at a moment; null, or one before it began: as if it had never been. */
export function endPrice(entry: PriceEntry, at: number | null): PriceEdit {
  const began = entry.effectiveFrom ?? Number.NEGATIVE_INFINITY;
  if (at === null || at <= began) return { ended: [entry.id], added: [] };
  if (at >= (entry.effectiveTo ?? Number.POSITIVE_INFINITY)) return { ended: [], added: [] };
  return {
    ended: [entry.id],
    added: around(entry, { ...entry, effectiveFrom: at, effectiveTo: null }),
  };
}

import type { PriceBookData, PriceEntry } from '../domain/price.ts';
import { PriceBook } from './price-book.ts';
import type { PriceCatalogue } from './price-catalogue.ts';

/** The book before anybody wrote into it: version 0, with the catalogue's prices alone. */
export function seedBook({ terms, resolve }: PriceCatalogue, added: Partial<PriceBookData> = {}): PriceBook {
  const seed: PriceEntry[] = terms.map((one, index) => ({
    ...one,
    id: `seed-${index}`,
    layer: 'seed',
    owner: '',
    version: 0,
  }));
  return new PriceBook(
    { version: 0, contracts: [], members: [], ...added, entries: [...seed, ...(added.entries ?? [])] },
    resolve,
  );
}

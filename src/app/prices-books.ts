import type { Logger } from 'pino';
import { PriceBook } from '../cost/price-book.ts';
import { CATALOGUE_VERSION, type PriceCatalogue } from '../cost/price-catalogue.ts';
import { seedBook } from '../cost/price-seed.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { PriceBookData } from '../domain/price.ts';
import type { ChangeListener } from '../store/postgres/change-listener.ts';
import type { PriceStore } from '../store/postgres/price-store.ts';
import { Refresher } from '../store/postgres/refresher.ts';

const KEEPER: StaffActor = { kind: 'system', subject: 'price-book' };
/** Past versions in memory; each is a few megabytes. */
const MAX_PAST = 4;

export interface PriceBooksOptions {
  readonly store: Pick<PriceStore, 'newest' | 'read' | 'change'>;
  readonly changes: Pick<ChangeListener, 'onChange'>;
  readonly catalogue: PriceCatalogue;
  readonly log: Logger;
}

/** The price book in memory, a copy that follows the table within moments (notifications) or seconds (polling). */
export class PriceBooks {
  readonly #options: PriceBooksOptions;
  readonly #past = new Map<number, PriceBook>();
  readonly #refresher = new Refresher(() => this.#read());
  #current: PriceBook;
  #data: PriceBookData = { version: 0, entries: [], contracts: [], members: [] };

  /** Call `start` before use: until then, the catalogue alone is the book. */
  constructor(options: PriceBooksOptions) {
    this.#options = options;
    this.#current = seedBook(options.catalogue);
    options.changes.onChange('prices', () => this.refresh());
  }

  current(): PriceBook {
    return this.#current;
  }

  /** What the current book is made of. */
  data(): PriceBookData {
    return this.#data;
  }

  /** Fills an empty book with the catalogue's prices, and reads it. A later catalogue changes nothing by itself. */
  async start(): Promise<void> {
    const { store, catalogue, log } = this.#options;
    if ((await store.newest(KEEPER)) === 0) {
      const added = catalogue.terms.map((one) => ({ ...one, layer: 'seed' as const, owner: '' }));
      const reason = `genai-prices ${CATALOGUE_VERSION}`;
      await store
        .change(KEEPER, { kind: 'seed', reason, ended: [], added, expectedVersion: 0 })
        .catch((error: unknown) => {
          // Another server was first.
          if (!(error instanceof TenantryError && error.code === 'CONFLICT')) throw error;
        });
    }
    await this.refresh();
    const seeds = this.#data.entries.filter(({ layer }) => layer === 'seed');
    if (seeds.some(({ sourceRef }) => sourceRef !== CATALOGUE_VERSION)) {
      log.info(
        { catalogue: CATALOGUE_VERSION },
        'the price catalogue of this version is newer than the book; `tenantry prices import --format genai-prices` shows what it would change',
      );
    }
  }

  async refresh(): Promise<void> {
    await this.#refresher.run();
  }

  /** The book as a version had it. */
  async at(version: number): Promise<PriceBook> {
    if (version === this.#current.version) return this.#current;
    const known = this.#past.get(version);
    if (known !== undefined) return known;
    const { store, catalogue } = this.#options;
    const book = new PriceBook(await store.read(KEEPER, version), catalogue.resolve);
    const [oldest] = this.#past.keys();
    if (this.#past.size >= MAX_PAST && oldest !== undefined) this.#past.delete(oldest);
    this.#past.set(version, book);
    return book;
  }

  async #read(): Promise<void> {
    const { store, catalogue } = this.#options;
    // Asked every few seconds, and a book is some thousand rows.
    if (this.#data.version > 0 && (await store.newest(KEEPER)) === this.#data.version) return;
    const data = await store.read(KEEPER);
    if (data.version === 0) return;
    this.#data = data;
    this.#current = new PriceBook(data, catalogue.resolve);
  }
}

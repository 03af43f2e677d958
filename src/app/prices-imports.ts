import type { PriceCatalogue } from '../cost/price-catalogue.ts';
import { parsePriceCsv } from '../cost/price-csv.ts';
import type { OwnedPrice } from '../cost/price-edit.ts';
import { type ImportPlan, type ParsedPrices, planDated, planUndated } from '../cost/price-import.ts';
import { parseLiteLlm } from '../cost/price-litellm.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { PriceTerms } from '../domain/price.ts';
import { changedMeanwhile } from '../store/postgres/price-store.ts';
import type { PriceBooks } from './prices-books.ts';
import type { PriceDesk } from './prices-desk.ts';

/** A price list to be taken into the book. */
export interface PriceImportRequest {
  readonly format: 'litellm' | 'csv' | 'genai-prices';
  readonly text: string;
  readonly sourceRef: string;
  /** Unix ms: from when changes of a list without dates hold. */
  readonly at: number;
  /** Prices of the same source that the list has no more end. The catalogue always is the whole of its layer. */
  readonly removes: boolean;
}

interface Planned extends ParsedPrices {
  readonly plan: ImportPlan;
}

/** Takes price lists into the book: first what it would change, then all of it at once, or nothing. */
export class PriceImports {
  readonly #books: PriceBooks;
  readonly #desk: Pick<PriceDesk, 'write'>;
  readonly #catalogue: PriceCatalogue;

  constructor(books: PriceBooks, desk: Pick<PriceDesk, 'write'>, catalogue: PriceCatalogue) {
    this.#books = books;
    this.#desk = desk;
    this.#catalogue = catalogue;
  }

  /** Nothing is written. */
  preview(request: PriceImportRequest) {
    const { version } = this.#books.data();
    const { plan, errors, skipped } = this.#plan(request);
    const { added, changed, removed, unchanged } = plan;
    return { version, added, changed, removed, unchanged, errors, skipped };
  }

  /** @throws TenantryError BAD_REQUEST when the file has errors, CONFLICT when the book is not the one of the preview */
  async apply(
    actor: StaffActor,
    request: PriceImportRequest,
    { expectedVersion, reason }: { readonly expectedVersion: number; readonly reason: string },
  ) {
    const { version } = this.#books.data();
    if (version !== expectedVersion) throw changedMeanwhile();
    const { plan, errors } = this.#plan(request);
    const [first] = errors;
    if (first !== undefined) {
      throw new TenantryError('BAD_REQUEST', `${errors.length} errors, the first at ${first.where}: ${first.reason}`, {
        hint: 'Nothing was imported. The preview lists every error.',
      });
    }
    const { ended, added } = plan.edit;
    if (ended.length === 0 && added.length === 0) return { version, added: 0, ended: 0 };
    return this.#desk.write(actor, { kind: 'import', ended, added, reason }, expectedVersion);
  }

  #plan(request: PriceImportRequest): Planned {
    const { entries } = this.#books.data();
    const { format, removes, at } = request;
    const parsed = this.#parse(request);
    const plan =
      format === 'litellm'
        ? planUndated(entries, parsed.terms, { at, removes })
        : planDated(
            entries,
            parsed.terms.map((one) => owned(one, format === 'csv' ? 'book' : 'seed')),
            { removes: format === 'csv' ? (removes ? 'csv' : null) : 'genai-prices' },
          );
    return { ...parsed, plan };
  }

  #parse({ format, text, sourceRef }: PriceImportRequest): ParsedPrices {
    switch (format) {
      case 'litellm':
        return parseLiteLlm(text, sourceRef);
      case 'csv':
        return parsePriceCsv(text, sourceRef);
      case 'genai-prices':
        return { terms: this.#catalogue.terms, errors: [], skipped: [] };
    }
  }
}

function owned(terms: PriceTerms, layer: 'book' | 'seed'): OwnedPrice {
  return { ...terms, layer, owner: '' };
}

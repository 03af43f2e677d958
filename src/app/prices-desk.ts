import { endPrice, type OwnedPrice, placePrices } from '../cost/price-edit.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import {
  type ContractMember,
  type ContractTerms,
  holdsAt,
  type PriceEntry,
  type PriceLayer,
  type PriceTerms,
  periodsOverlap,
} from '../domain/price.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import type { Window } from '../domain/window.ts';
import type { BookChange, PriceStore, PriceVersion } from '../store/postgres/price-store.ts';
import type { PriceBooks } from './prices-books.ts';
import type { AiCosts } from './prices-costs.ts';

export interface PriceDeskOptions {
  readonly store: Pick<PriceStore, 'change' | 'versions'>;
  readonly books: PriceBooks;
  readonly costs: Pick<AiCosts, 'byTenant'>;
}

type Change = Omit<BookChange, 'expectedVersion' | 'ended' | 'added' | 'kind'> &
  Partial<Pick<BookChange, 'ended' | 'added' | 'kind'>>;

/** What people do with prices and contracts. Every write is a version of the book, and is in memory when it returns. */
export class PriceDesk {
  readonly #options: PriceDeskOptions;

  constructor(options: PriceDeskOptions) {
    this.#options = options;
  }

  list({ search, layers, owner, at, offset, limit }: PriceListFilter) {
    const { version, entries } = this.#options.books.data();
    const part = search?.toLowerCase();
    const found = entries
      .filter(
        (entry) =>
          layers.includes(entry.layer) &&
          (owner === undefined || entry.owner === owner) &&
          (part === undefined || entry.model.includes(part) || entry.provider.includes(part)) &&
          (at === undefined || holdsAt(entry, at)),
      )
      .toSorted(inOrder);
    return { version, total: found.length, items: found.slice(offset, offset + limit) };
  }

  async versions(actor: StaffActor, limit: number): Promise<readonly PriceVersion[]> {
    return this.#options.store.versions(actor, limit);
  }

  async add(
    actor: StaffActor,
    target: { readonly layer: PriceLayer; readonly owner?: string },
    { prices, reason }: { readonly prices: readonly NewPrice[]; readonly reason: string },
  ) {
    const { layer, owner = '' } = target;
    if (layer === 'contract') this.#contract(owner);
    const wanted: OwnedPrice[] = prices.map((price) => ({
      ...price,
      ...{ layer, owner, daily: null, source: 'manual' as const, sourceRef: '' },
    }));
    refuseContradictions(wanted);
    const edit = placePrices(this.#options.books.data().entries, wanted);
    return this.write(actor, {
      ...edit,
      reason,
      ...(layer === 'tenant' ? { tenantId: owner as TenantId } : {}),
    });
  }

  async end(
    actor: StaffActor,
    layer: PriceLayer,
    {
      id,
      owner,
      at,
      reason,
    }: { readonly id: string; readonly owner?: string; readonly at: number | null; readonly reason: string },
  ) {
    const entry = this.#options.books
      .data()
      .entries.find((one) => one.id === id && one.layer === layer && (owner === undefined || one.owner === owner));
    if (entry === undefined) return undefined;
    const edit = endPrice(entry, at);
    if (edit.ended.length === 0) {
      throw new TenantryError('BAD_REQUEST', 'The price has ended by then.', { hint: 'Give an earlier effective_to.' });
    }
    return this.write(actor, { ...edit, reason, ...(layer === 'tenant' ? { tenantId: entry.owner as TenantId } : {}) });
  }

  contracts() {
    const { contracts, members, entries } = this.#options.books.data();
    return contracts.map((contract) => ({
      ...contract,
      members: members.filter((member) => member.contract === contract.name),
      prices: entries.filter((entry) => entry.layer === 'contract' && entry.owner === contract.name).toSorted(inOrder),
    }));
  }

  async putContract(actor: StaffActor, terms: ContractTerms, reason: string) {
    const isKnown = this.#options.books.data().contracts.some(({ name }) => name === terms.name);
    return this.write(actor, { reason, endedContracts: isKnown ? [terms.name] : [], addedContracts: [terms] });
  }

  async removeContract(actor: StaffActor, name: string, reason: string) {
    const { contracts, members, entries } = this.#options.books.data();
    if (!contracts.some((contract) => contract.name === name)) return undefined;
    return this.write(actor, {
      reason,
      endedContracts: [name],
      endedMembers: members.filter(({ contract }) => contract === name),
      ended: entries.filter(({ layer, owner }) => layer === 'contract' && owner === name).map(({ id }) => id),
    });
  }

  async attach(actor: StaffActor, member: ContractMember, reason: string) {
    const { contracts, members } = this.#options.books.data();
    if (!contracts.some(({ name }) => name === member.contract)) return undefined;
    const others = members.filter(
      ({ tenantId, contract }) => tenantId === member.tenantId && contract !== member.contract,
    );
    const clash = others.find((other) => periodsOverlap(other, member));
    if (clash !== undefined) {
      throw new TenantryError('CONFLICT', `The tenant is under the contract ${clash.contract} in that time.`, {
        hint: 'End that membership first, or choose another period.',
      });
    }
    const before = members.filter(
      ({ tenantId, contract }) => tenantId === member.tenantId && contract === member.contract,
    );
    return this.write(actor, {
      ...{ reason, addedMembers: [member], endedMembers: before, tenantId: member.tenantId as TenantId },
    });
  }

  async detach(actor: StaffActor, contract: string, tenantId: string, reason: string) {
    const members = this.#options.books.data().members;
    const ended = members.filter((member) => member.contract === contract && member.tenantId === tenantId);
    if (ended.length === 0) return undefined;
    return this.write(actor, { reason, endedMembers: ended, tenantId: tenantId as TenantId });
  }

  /** Models of the window's calls that have no price, those with the most calls first. */
  async unpriced(window: Window) {
    const models = new Map<
      string,
      { provider: string; model: string; reason: string; calls: number; tenants: number }
    >();
    for (const { byModel } of (await this.#options.costs.byTenant(window)).values()) {
      for (const { provider, model, unpriced, unpricedCalls } of byModel) {
        if (unpricedCalls === 0) continue;
        const key = JSON.stringify([provider, model, unpriced]);
        const sum = models.get(key) ?? { provider, model, reason: unpriced ?? 'closed-month', calls: 0, tenants: 0 };
        models.set(key, { ...sum, calls: sum.calls + unpricedCalls, tenants: sum.tenants + 1 });
      }
    }
    return [...models.values()].sort(
      (a, b) => b.calls - a.calls || compareText(a.provider, b.provider) || compareText(a.model, b.model),
    );
  }

  /** Writes the next version, from what the book in memory says or from the version given. */
  async write(actor: StaffActor, change: Change, expectedVersion = this.#options.books.data().version) {
    const { ended = [], added = [], kind = 'edit' } = change;
    const { store, books } = this.#options;
    const version = await store
      .change(actor, { ...change, kind, ended, added, expectedVersion })
      .catch(async (error) => {
        // The copy in memory was behind: the caller's next try shall not fail for the same reason.
        await books.refresh();
        throw error;
      });
    await books.refresh();
    return { version, added: added.length, ended: ended.length };
  }

  #contract(name: string): void {
    if (this.#options.books.data().contracts.some((contract) => contract.name === name)) return;
    throw new TenantryError('NOT_FOUND', 'There is no contract of this name.', {
      hint: 'GET /v1/contracts lists them.',
    });
  }
}

type NewPrice = Omit<PriceTerms, 'source' | 'sourceRef' | 'daily'>;

interface PriceListFilter {
  readonly search: string | undefined;
  readonly layers: readonly PriceLayer[];
  readonly owner: string | undefined;
  readonly at: number | undefined;
  readonly offset: number;
  readonly limit: number;
}

function inOrder(a: PriceEntry, b: PriceEntry): number {
  return (
    compareText(a.provider, b.provider) ||
    compareText(a.model, b.model) ||
    compareText(a.layer, b.layer) ||
    compareText(a.owner, b.owner) ||
    compareText(a.variant, b.variant) ||
    compareText(a.kind, b.kind) ||
    (a.effectiveFrom ?? 0) - (b.effectiveFrom ?? 0) ||
    compareText(a.id, b.id)
  );
}

/** In one request, the later of two prices for one thing would silently win. */
function refuseContradictions(prices: readonly OwnedPrice[]): void {
  const { ended, added } = placePrices([], prices);
  if (ended.length === 0 && added.length === prices.length && added.every((price) => prices.includes(price))) return;
  throw new TenantryError('BAD_REQUEST', 'Two of the prices hold for the same thing at the same time.', {
    hint: 'Give each a period of its own.',
  });
}

import type { AiServiceTier } from '../domain/ai-usage.ts';
import { dividedRounded } from '../domain/decimal.ts';
import {
  type ContractMember,
  type ContractTerms,
  type DailyHours,
  holdsAt,
  PRICE_LAYERS,
  type PriceBookData,
  type PriceEntry,
  type PriceKind,
  type PriceVariant,
  type Rate,
} from '../domain/price.ts';
import { DAY_MS, MINUTE_MS, type Window } from '../domain/window.ts';
import type { Rates } from './ai-price.ts';
import { catalogueProvider } from './ai-providers.ts';
import type { KnownModel, ModelResolver } from './price-catalogue.ts';
import { MAX_MODEL_LENGTH } from './price-catalogue.ts';
import { globMatches, isGlob } from './price-glob.ts';

/** Provider and model as spans report them. */
export interface ModelName {
  readonly provider: string;
  readonly model: string;
}

export interface RateQuestion extends ModelName {
  readonly serviceTier: AiServiceTier;
  /** Unix ms of the usage. */
  readonly at: number;
  /** Absent: what holds for tenants without terms of their own. */
  readonly tenant?: string | undefined;
}

/** Prices that are for a name, in the order in which they are tried. */
interface Matches {
  readonly general: readonly PriceEntry[];
  /** Of tenants and contracts, by owner. */
  readonly tenants: ReadonlyMap<string, readonly PriceEntry[]>;
  readonly contracts: ReadonlyMap<string, readonly PriceEntry[]>;
}

/** How many names' matches are remembered: names come from spans, so anybody may invent more. */
const MAX_REMEMBERED = 5_000;
const WHOLE_BPS = 10_000n;

/**
 * One version of the price book, in memory: which rates hold for whom, for which model and when. Prices are looked up
 * one kind at a time: what a tenant was promised first, then the contract's own, then book and seed less the contract's
 * discount; within each, the exact name before a pattern.
 */
export class PriceBook {
  readonly version: number;
  readonly #resolve: ModelResolver;
  readonly #exact = new Map<string, PriceEntry[]>();
  readonly #globs: PriceEntry[] = [];
  readonly #contracts: ReadonlyMap<string, ContractTerms>;
  readonly #members = new Map<string, ContractMember[]>();
  readonly #overridden = new Set<string>();
  readonly #remembered = new Map<string, Matches>();

  constructor(data: PriceBookData, resolve: ModelResolver) {
    this.version = data.version;
    this.#resolve = resolve;
    this.#contracts = new Map(data.contracts.map((contract) => [contract.name, contract]));
    for (const entry of data.entries) {
      if (isGlob(entry.model)) this.#globs.push(entry);
      else push(this.#exact, entry.model, entry);
      if (entry.layer === 'tenant') this.#overridden.add(entry.owner);
    }
    for (const member of data.members) push(this.#members, member.tenantId, member);
  }

  /** Whether the tenant may have to pay anything else than the others do. */
  hasOwnTerms(tenant: string): boolean {
    return this.#overridden.has(tenant) || this.#members.has(tenant);
  }

  /** What holds for a model at a moment. */
  rates({ tenant, at, serviceTier, ...name }: RateQuestion): Rates {
    if (name.model.trim() === '') return { unpriced: 'no-model' };
    const matches = this.#matches(name);
    const contract = tenant === undefined ? undefined : this.#contractOf(tenant, at);
    const own = tenant === undefined ? [] : (matches.tenants.get(tenant) ?? []);
    const agreed = contract === undefined ? [] : (matches.contracts.get(contract.name) ?? []);
    const all = [...own, ...agreed, ...matches.general];
    if (all.length === 0) return { unpriced: 'unknown-model' };
    const variant: PriceVariant = serviceTier === '' ? 'standard' : serviceTier;
    const ofTier = all.filter((entry) => entry.variant === variant);
    if (ofTier.length === 0) return { unpriced: 'no-price-for-tier' };
    const rates: Partial<Record<PriceKind, Rate>> = {};
    for (const entry of ofTier) {
      if (rates[entry.kind] !== undefined || !holdsAt(entry, at) || !holdsDaily(entry.daily, at)) continue;
      const isListed = entry.layer === 'book' || entry.layer === 'seed';
      rates[entry.kind] = isListed ? discounted(entry.rate, contract?.discountBps ?? 0) : entry.rate;
    }
    return Object.keys(rates).length === 0 ? { unpriced: 'no-price-then' } : { rates };
  }

  /** Moments inside the window (not at its start) at which anything changes for a name, for tenants without own terms. */
  changes(name: ModelName, window: Window): readonly number[] {
    return boundaries(this.#matches(name).general, window);
  }

  /** Whether the name has prices that depend on the time of day. */
  isDaily(name: ModelName): boolean {
    const { general, tenants, contracts } = this.#matches(name);
    return [general, ...tenants.values(), ...contracts.values()].some((entries) =>
      entries.some(({ daily }) => daily !== null),
    );
  }

  /** Moments inside the window at which the tenant's own terms change, whatever the model. */
  ownChanges(tenant: string, names: readonly ModelName[], window: Window): readonly number[] {
    const members = this.#members.get(tenant) ?? [];
    const contracts = members.flatMap(({ contract }) => this.#contracts.get(contract) ?? []);
    const entries = names.flatMap((name) => {
      const matches = this.#matches(name);
      return [
        ...(matches.tenants.get(tenant) ?? []),
        ...contracts.flatMap((contract) => matches.contracts.get(contract.name) ?? []),
      ];
    });
    return boundaries([...members, ...contracts, ...entries], window);
  }

  #contractOf(tenant: string, at: number): ContractTerms | undefined {
    const member = this.#members.get(tenant)?.find((one) => holdsAt(one, at));
    const contract = member === undefined ? undefined : this.#contracts.get(member.contract);
    return contract !== undefined && holdsAt(contract, at) ? contract : undefined;
  }

  #matches(name: ModelName): Matches {
    const key = JSON.stringify([name.provider, name.model]);
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const matches = this.#match(name);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(key, matches);
    return matches;
  }

  #match({ provider, model }: ModelName): Matches {
    const reported = model.trim().toLowerCase();
    const tenants = new Map<string, PriceEntry[]>();
    const contracts = new Map<string, PriceEntry[]>();
    const general: PriceEntry[] = [];
    if (reported.length > MAX_MODEL_LENGTH) return { general, tenants, contracts };
    const known = this.#resolve(provider, model);
    const sellers = sellersOf(provider, known);
    const isMeant = (entry: PriceEntry) =>
      entry.layer === 'seed'
        ? entry.provider === known?.provider && entry.model === known.model
        : entry.provider === '*' || sellers.has(entry.provider);
    const names = [reported, ...(known === undefined || known.model === reported ? [] : [known.model])];
    const ranked = [
      ...names.flatMap((one, index) => (this.#exact.get(one) ?? []).map((entry) => ({ entry, rank: index }))),
      ...this.#globs
        .filter((entry) => names.some((one) => globMatches(entry.model, one)))
        .map((entry) => ({ entry, rank: names.length + MAX_MODEL_LENGTH - entry.model.length })),
    ]
      .filter(({ entry }) => isMeant(entry))
      .toSorted((a, b) => byPrecedence(a, b));
    for (const { entry } of ranked) {
      if (entry.layer === 'tenant') push(tenants, entry.owner, entry);
      else if (entry.layer === 'contract') push(contracts, entry.owner, entry);
      else general.push(entry);
    }
    return { general, tenants, contracts };
  }
}

interface Ranked {
  readonly entry: PriceEntry;
  /** How well the model's name fits, the best first. */
  readonly rank: number;
}

function byPrecedence(a: Ranked, b: Ranked): number {
  return (
    PRICE_LAYERS.indexOf(a.entry.layer) - PRICE_LAYERS.indexOf(b.entry.layer) ||
    a.rank - b.rank ||
    Number(a.entry.provider === '*') - Number(b.entry.provider === '*') ||
    Number(a.entry.daily === null) - Number(b.entry.daily === null) ||
    // Two patterns of one length: the later one was written in knowledge of the earlier.
    b.entry.version - a.entry.version ||
    (a.entry.id < b.entry.id ? -1 : 1)
  );
}

/** Under which names the seller of a reported provider may stand in the book. */
function sellersOf(provider: string, known: KnownModel | undefined): ReadonlySet<string> {
  const reported = provider.trim().toLowerCase();
  return new Set([reported, catalogueProvider(provider) ?? reported, ...(known === undefined ? [] : [known.seller])]);
}

function holdsDaily(daily: DailyHours | null, at: number): boolean {
  if (daily === null) return true;
  const minute = Math.floor((((at % DAY_MS) + DAY_MS) % DAY_MS) / MINUTE_MS);
  return daily.to < daily.from ? minute >= daily.from || minute < daily.to : minute >= daily.from && minute < daily.to;
}

/** Each price less the discount, rounded to whole pico-units once: a contract has a definite price for each unit. */
function discounted({ base, steps }: Rate, discountBps: number): Rate {
  if (discountBps === 0) return { base, steps };
  const left = WHOLE_BPS - BigInt(discountBps);
  const less = (pico: bigint) => dividedRounded(pico * left, WHOLE_BPS);
  return { base: less(base), steps: steps.map(({ over, pico }) => ({ over, pico: less(pico) })) };
}

function boundaries(
  periods: readonly { readonly effectiveFrom: number | null; readonly effectiveTo: number | null }[],
  { from, to }: Window,
): readonly number[] {
  const moments = periods.flatMap(({ effectiveFrom, effectiveTo }) => [effectiveFrom ?? from, effectiveTo ?? from]);
  return [...new Set(moments.filter((moment) => moment > from && moment < to))].sort((a, b) => a - b);
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

import { randomUUID } from 'node:crypto';
import type { MonthStanding, PriceImport, PriceMonths, Prices, RepricingRecord } from '../../src/api/prices-ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { ContractMember, ContractTerms, PriceEntry } from '../../src/domain/price.ts';

/** The price book in memory: what was asked for, and nothing of what it means. */
export class MemoryPrices implements Prices {
  readonly entries: PriceEntry[] = [];
  readonly agreed = new Map<string, ContractTerms>();
  readonly members: ContractMember[] = [];
  readonly imports: PriceImport[] = [];
  readonly reasons: string[] = [];
  version = 1;

  #write(reason: string, added: number, ended: number) {
    this.version += 1;
    this.reasons.push(reason);
    return { version: this.version, added, ended };
  }

  readonly list: Prices['list'] = ({ search, layers, owner, offset, limit }) => {
    const found = this.entries.filter(
      (entry) =>
        layers.includes(entry.layer) &&
        (owner === undefined || entry.owner === owner) &&
        (search === undefined || entry.model.includes(search)),
    );
    return { version: this.version, total: found.length, items: found.slice(offset, offset + limit) };
  };

  readonly versions: Prices['versions'] = async () => [
    { version: 1, kind: 'seed', reason: 'genai-prices', added: 5, ended: 0, by: 'price-book', at: 0 },
  ];

  readonly add: Prices['add'] = async (_actor, target, { prices, reason }) => {
    const owner = target.layer === 'book' ? '' : target.owner;
    if (target.layer === 'contract' && !this.agreed.has(owner)) throw new TenantryError('NOT_FOUND', 'no contract');
    const written = this.#write(reason, prices.length, 0);
    for (const price of prices) {
      this.entries.push({
        ...price,
        ...{ id: `p${this.entries.length + 1}`, layer: target.layer, owner, version: written.version },
        ...{ daily: null, source: 'manual', sourceRef: '' },
      });
    }
    return written;
  };

  readonly end: Prices['end'] = async (_actor, layer, { id, reason }) => {
    const index = this.entries.findIndex((entry) => entry.id === id && entry.layer === layer);
    if (index < 0) return undefined;
    this.entries.splice(index, 1);
    return this.#write(reason, 0, 1);
  };

  readonly contracts: Prices['contracts'] = () =>
    [...this.agreed.values()].map((contract) => ({
      ...contract,
      members: this.members.filter((member) => member.contract === contract.name),
      prices: this.entries.filter(({ owner }) => owner === contract.name),
    }));

  readonly putContract: Prices['putContract'] = async (_actor, terms, reason) => {
    this.agreed.set(terms.name, terms);
    return this.#write(reason, 1, 0);
  };

  readonly removeContract: Prices['removeContract'] = async (_actor, name, reason) =>
    this.agreed.delete(name) ? this.#write(reason, 0, 1) : undefined;

  readonly attach: Prices['attach'] = async (_actor, member, reason) => {
    if (!this.agreed.has(member.contract)) return undefined;
    this.members.push(member);
    return this.#write(reason, 1, 0);
  };

  readonly detach: Prices['detach'] = async () => undefined;

  readonly preview: Prices['preview'] = (request) => {
    this.imports.push(request);
    return { version: this.version, added: [], changed: [], removed: [], unchanged: 0, errors: [], skipped: [] };
  };

  readonly apply: Prices['apply'] = async (_actor, request, { expectedVersion, reason }) => {
    if (expectedVersion > this.version) throw new TenantryError('CONFLICT', 'The price book has changed since.');
    this.imports.push(request);
    this.reasons.push(reason);
    return { version: this.version, added: 0, ended: 0 };
  };

  readonly unpriced: Prices['unpriced'] = async () => [
    { provider: 'openai', model: 'own-model', reason: 'unknown-model', calls: 3, tenants: 1 },
  ];
}

/** Closed months in memory. */
export class MemoryMonths implements PriceMonths {
  readonly closed: MonthStanding[] = [];
  readonly records: RepricingRecord[] = [];
  readonly ranges: { readonly from: number; readonly to: number }[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly list: PriceMonths['list'] = async () => this.closed;

  readonly close: PriceMonths['close'] = async (actor: StaffActor, month) => {
    const standing = { month, closedBy: actor.subject, closedAt: this.#now(), bookVersion: 1 };
    this.closed.push(standing);
    return standing;
  };

  readonly figures: PriceMonths['figures'] = async (_actor, month, tenantId) =>
    this.closed.some((one) => one.month === month)
      ? [
          {
            tenantId: tenantId ?? 'acme',
            closedMicro: 1_000,
            corrections: [{ repricing: 'r-1', micro: -10 }],
            unpricedCalls: 0,
          },
        ]
      : undefined;

  readonly preview: PriceMonths['preview'] = async ({ from, to, fromVersion = 0 }) => {
    this.ranges.push({ from, to });
    return {
      ...{ version: 1, fromVersion, correctionMicro: -10 },
      items: [
        {
          ...{ month: from, closed: true, tenantId: 'acme', provider: 'openai', model: 'gpt-4o' },
          ...{ beforePico: 3_000_001n, afterPico: 2_500_000n, calls: 2 },
          ...{ unpricedCallsBefore: 0, unpricedCallsAfter: 0 },
        },
      ],
    };
  };

  readonly apply: PriceMonths['apply'] = async (actor, { from, to }, { reason }) => {
    const record = {
      ...{ id: randomUUID(), from, to, bookVersion: 1, reason, lines: 1, differenceMicro: -10 },
      ...{ by: actor.subject, at: this.#now() },
    };
    this.records.push(record);
    return record;
  };

  readonly repricings: PriceMonths['repricings'] = async () => this.records;
}

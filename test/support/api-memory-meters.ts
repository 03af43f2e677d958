import type { MeterValuePoint } from '../../src/api/meters-ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { Meter, MeterDefinition } from '../../src/domain/meter.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { UsageEvent } from '../../src/domain/usage-event.ts';
import { DAY_MS, type Window } from '../../src/domain/window.ts';

/** Takes everything in as new; tests look at what came. */
export class MemoryEvents {
  readonly acceptPastMs = 35 * DAY_MS;
  readonly acceptFutureMs = 300_000;
  readonly taken: { readonly event: UsageEvent; readonly keyId: string }[] = [];
  failure: Error | undefined;

  async take(events: readonly UsageEvent[], keyId: string) {
    if (this.failure !== undefined) throw this.failure;
    for (const event of events) this.taken.push({ event, keyId });
    return { accepted: events.length, repeated: 0, conflicting: 0 };
  }
}

/** Meters without events: questions are noted, and answered with what tests put in. */
export class MemoryMeters {
  readonly meters: Meter[] = [];
  readonly questions: { readonly tenant: TenantId | undefined; readonly byTenant: boolean; readonly window: Window }[] =
    [];
  points: readonly MeterValuePoint[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async list(): Promise<readonly Meter[]> {
    return this.meters;
  }

  async find(_actor: unknown, slug: string): Promise<Meter | undefined> {
    return this.meters.find((meter) => meter.slug === slug);
  }

  async create(actor: StaffActor, definition: MeterDefinition): Promise<Meter> {
    const known = this.meters.find(({ slug }) => slug === definition.slug);
    // The same one again is let through: the table of permissions sends one request for every caller.
    if (known?.eventType === definition.eventType) return known;
    if (known !== undefined) throw new TenantryError('CONFLICT', 'taken');
    const meter = { ...definition, createdBy: actor.subject, createdAt: this.#now() };
    this.meters.push(meter);
    return meter;
  }

  async remove(_actor: StaffActor, slug: string): Promise<boolean> {
    const index = this.meters.findIndex((meter) => meter.slug === slug);
    if (index >= 0) this.meters.splice(index, 1);
    return index >= 0;
  }

  async values(question: { tenant: TenantId | undefined; byTenant: boolean; window: Window }) {
    this.questions.push(question);
    return this.points.filter(({ tenantId }) => question.tenant === undefined || tenantId === question.tenant);
  }

  async rejected({ tenant }: { tenant: TenantId | undefined }) {
    const all = [{ tenantId: 'acme' as TenantId, source: 'app', id: 'e-1', time: this.#now() }];
    return all.filter(({ tenantId }) => tenant === undefined || tenantId === tenant);
  }
}

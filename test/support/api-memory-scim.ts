import { randomUUID } from 'node:crypto';
import type { PlanFeatures } from '../../src/api/plan-features-ports.ts';
import type { Scim, ScimResources } from '../../src/api/scim-ports.ts';
import type { Actor, TenantKeyActor } from '../../src/domain/actor.ts';
import type { PlanInclusion } from '../../src/domain/plan-features.ts';
import {
  NO_MAPPING,
  type RoleMapping,
  type ScimDirectory,
  type ScimGroup,
  type ScimGroupContent,
  type ScimStanding,
  type ScimUser,
  type ScimUserContent,
} from '../../src/domain/scim.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

type Kept = Pick<ScimUser, 'id' | 'tenantId' | 'version' | 'createdAt' | 'changedAt'>;

/** Keeps what it is told; what names may be and who becomes a member is the real store's, and tested with it. */
class MemoryResources<Resource extends Content & Kept, Content extends object>
  implements ScimResources<Resource, Content>
{
  items: readonly Resource[] = [];
  readonly #now: () => number;
  readonly #complete: (content: Content & Kept) => Resource;

  constructor(now: () => number, complete: (content: Content & Kept) => Resource) {
    this.#now = now;
    this.#complete = complete;
  }

  async list(_actor: Actor, tenantId: TenantId): Promise<readonly Resource[]> {
    return this.items.filter((item) => item.tenantId === tenantId);
  }

  async find(_actor: Actor, tenantId: TenantId, id: string): Promise<Resource | undefined> {
    return this.items.find((item) => item.tenantId === tenantId && item.id === id);
  }

  async create({ tenantId }: TenantKeyActor, content: Content): Promise<Resource> {
    const at = this.#now();
    const made = this.#complete({ ...content, id: randomUUID(), tenantId, version: 1, createdAt: at, changedAt: at });
    this.items = [...this.items, made];
    return made;
  }

  async change(actor: TenantKeyActor, id: string, change: (before: Resource) => Content) {
    const before = await this.find(actor, actor.tenantId, id);
    if (before === undefined) return undefined;
    const { tenantId, version, createdAt } = before;
    const kept = { id, tenantId, version: version + 1, createdAt, changedAt: this.#now() };
    const after = this.#complete({ ...change(before), ...kept });
    this.items = this.items.map((item) => (item.id === id ? after : item));
    return after;
  }

  async remove(actor: TenantKeyActor, id: string, check: (before: Resource) => void): Promise<boolean> {
    const before = await this.find(actor, actor.tenantId, id);
    if (before === undefined) return false;
    check(before);
    this.items = this.items.filter((item) => item.id !== id);
    return true;
  }
}

/** What plans include: everything, unless a test says otherwise. */
export class MemoryPlanFeatures implements PlanFeatures {
  readonly included = new Map<TenantId, PlanInclusion>();

  async of(tenantId: TenantId): Promise<PlanInclusion> {
    return this.included.get(tenantId) ?? { plan: null, features: null, tenantryFeatures: null };
  }
}

export class MemoryScim implements Scim {
  readonly users: MemoryResources<ScimUser, ScimUserContent>;
  readonly groups: MemoryResources<ScimGroup, ScimGroupContent>;
  readonly #mappings = new Map<TenantId, RoleMapping & { readonly revision: number }>();
  /** What the directory says of somebody, by `<tenant> <subject>`. */
  readonly standings = new Map<string, ScimStanding>();
  failure: Error | undefined;

  constructor(now: () => number) {
    this.users = new MemoryResources(now, (user) => ({ ...user, groups: [] }));
    this.groups = new MemoryResources(now, (group) => group);
  }

  readonly directories = {
    read: async (_actor: Actor, tenantId: TenantId): Promise<ScimDirectory> => {
      const { rules, authoritative, revision } = this.#mappings.get(tenantId) ?? { ...NO_MAPPING, revision: 0 };
      return {
        ...{ tenantId, rules, authoritative, revision, setBy: null, setByOperator: false, setAt: null },
        ...{ users: 0, activeUsers: 0, usersWithRole: 0, groups: [], lastContactAt: null, lastChangeAt: null },
      };
    },
    putMapping: async (actor: Actor, tenantId: TenantId, mapping: RoleMapping, revision: number) => {
      this.#mappings.set(tenantId, { ...mapping, revision: revision + 1 });
      return this.directories.read(actor, tenantId);
    },
    forget: async (_actor: Actor, tenantId: TenantId) => this.#mappings.delete(tenantId),
  };

  async standing(tenantId: TenantId, subject: string): Promise<ScimStanding> {
    if (this.failure !== undefined) throw this.failure;
    return this.standings.get(`${tenantId} ${subject}`) ?? { kind: 'unknown' };
  }
}

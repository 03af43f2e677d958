import type { Actor, StaffActor, TenantActor, TenantKeyActor } from '../domain/actor.ts';
import type {
  RoleMapping,
  ScimDirectory,
  ScimGroup,
  ScimGroupContent,
  ScimNarrowing,
  ScimStanding,
  ScimUser,
  ScimUserContent,
} from '../domain/scim.ts';
import type { TenantId } from '../domain/tenant-id.ts';

/** Users or groups of one directory. */
export interface ScimResources<Resource extends Content, Content> {
  /** In the order of their names. What is not in `narrowing` leaves none out. */
  list(actor: Actor, tenantId: TenantId, narrowing: ScimNarrowing): Promise<readonly Resource[]>;
  find(actor: Actor, tenantId: TenantId, id: string): Promise<Resource | undefined>;
  /** @throws ScimClash when the name is taken, TenantryError CONFLICT when there are too many */
  create(actor: TenantKeyActor, content: Content): Promise<Resource>;
  /**
   * Makes of it what `change` says of the one that is there, alone among all changes of this directory; undefined if there
   * is none with this id. What changes nothing leaves no trace.
   * @throws like `create`, and whatever `change` throws
   */
  change(actor: TenantKeyActor, id: string, change: (before: Resource) => Content): Promise<Resource | undefined>;
  /** False if there is none with this id. `check` may refuse by throwing. */
  remove(actor: TenantKeyActor, id: string, check: (before: Resource) => void): Promise<boolean>;
}

interface ScimDirectories {
  read(actor: Actor, tenantId: TenantId): Promise<ScimDirectory>;
  /** @throws TenantryError CONFLICT when the rules are no more of `revision` */
  putMapping(
    actor: StaffActor | TenantActor,
    tenantId: TenantId,
    mapping: RoleMapping,
    revision: number,
  ): Promise<ScimDirectory>;
  /** False if there was nothing to forget. */
  forget(actor: StaffActor | TenantActor, tenantId: TenantId): Promise<boolean>;
}

export interface Scim {
  readonly users: ScimResources<ScimUser, ScimUserContent>;
  readonly groups: ScimResources<ScimGroup, ScimGroupContent>;
  readonly directories: ScimDirectories;
  /**
   * What the tenant's directory says of the person whom a token names.
   * @throws TenantryError STORE_UNAVAILABLE when that cannot be told right now
   */
  standing(tenantId: TenantId, subject: string): Promise<ScimStanding>;
}

import { randomUUID } from 'node:crypto';
import type { StaffActor } from '../../domain/actor.ts';
import type {
  AlertRoute,
  AlertRouteHealth,
  AlertRouteTerms,
  AlertTarget,
  NewAlertRoute,
  OpenedRoute,
} from '../../domain/alert.ts';
import { TenantryError } from '../../domain/errors.ts';
import { ALERTING, OWN_RECORD } from './alert-rows.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

/** Every alert is matched against every route. */
const MOST_ROUTES = 200;
const TARGET = 'target, sealed_target as sealed';
const FOREIGN_KEY_HINT = 'GET /v1/alert-routes lists the routes.';

type RouteRow = Pick<AlertRoute, 'id' | 'channel' | 'createdBy' | 'createdAt'> & { readonly terms: AlertRouteTerms };

/** Keeps targets so that whoever reads the database does not have them. */
export interface TargetVault {
  /** For this route and no other. */
  seal(routeId: string, target: AlertTarget): string;
  /** The target, or why it cannot be read. */
  open(routeId: string, sealed: string): { readonly target: AlertTarget } | { readonly problem: string };
  /** Whether it is sealed as it would be sealed today. */
  isCurrent(sealed: string): boolean;
}

/** Targets sealed at one start. */
export interface Resealing {
  readonly sealed: number;
  /** Names of routes whose target cannot be read. */
  readonly unreadable: readonly string[];
}

interface TargetRow {
  readonly target: AlertTarget | null;
  readonly sealed: string | null;
}

/** Routes. Targets are secrets: they go in, and come out for the sender alone. */
export class AlertRouteStore {
  readonly #postgres: Postgres;
  readonly #vault: TargetVault;

  constructor(postgres: Postgres, vault: TargetVault) {
    this.#postgres = postgres;
    this.#vault = vault;
  }

  /** @throws TenantryError CONFLICT when the name is taken or there are too many, BAD_REQUEST for an escalation to nowhere */
  async create(actor: StaffActor, { target, ...terms }: NewAlertRoute): Promise<AlertRoute> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const routes = await readRoutes(transaction);
      if (routes.length >= MOST_ROUTES) {
        throw new TenantryError('CONFLICT', `There are ${MOST_ROUTES} alert routes already.`, {
          hint: 'Delete one that is not needed.',
        });
      }
      if (routes.some(({ name }) => name === terms.name)) {
        throw new TenantryError('CONFLICT', 'There is an alert route with this name.', { hint: FOREIGN_KEY_HINT });
      }
      const { escalation } = terms;
      if (escalation !== null && !routes.some(({ id }) => id === escalation.routeId)) {
        throw new TenantryError('BAD_REQUEST', 'There is no alert route to escalate to with this id.', {
          hint: FOREIGN_KEY_HINT,
        });
      }
      const made = randomUUID();
      await transaction.query(
        `insert into tenantry.alert_routes (id, name, channel, sealed_target, terms, escalates_to, created_by)
         values ($1, $2, $3, $4, $5::jsonb, $6, $7)`,
        [
          ...[made, terms.name, target.channel, this.#vault.seal(made, target), JSON.stringify(terms)],
          ...[escalation?.routeId ?? null, actor.subject],
        ],
      );
      const route = (await readRoutes(transaction)).find(({ id }) => id === made);
      if (route === undefined) throw new TenantryError('INTERNAL', 'The route just written cannot be read');
      await transaction.audit({
        action: 'alert-route.create',
        resource: `alert-route/${route.id}`,
        after: { channel: target.channel, ...terms },
      });
      return route;
    });
  }

  async list(actor: StaffActor = ALERTING): Promise<readonly AlertRoute[]> {
    return this.#postgres.inStaffTransaction(actor, readRoutes);
  }

  /** What became of each route's notices, by route id: of every route. */
  async health(actor: StaffActor): Promise<ReadonlyMap<string, AlertRouteHealth>> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<AlertRouteHealth & TargetRow & { routeId: string }>(
        `select r.id as "routeId", r.target, r.sealed_target as sealed,
                count(*) filter (where state = 'waiting' and due_at <= clock_timestamp())::int as waiting,
                count(*) filter (where state = 'dead' and failed_at > clock_timestamp() - interval '1 day')::int as dead,
                ${unixMs('max(told_at)')} as "lastSentAt", ${unixMs('max(failed_at)')} as "lastFailedAt",
                (array_agg(error order by failed_at desc) filter (where failed_at is not null))[1] as "lastError"
         from tenantry.alert_routes r left join tenantry.alert_notices n on n.route_id = r.id group by r.id`,
      ),
    );
    return new Map(
      rows.map(({ routeId, target, sealed, ...health }) => {
        const opened = this.#opened(routeId, { target, sealed });
        return [routeId, { ...health, problem: 'problem' in opened ? opened.problem : null }];
      }),
    );
  }

  /** False if there is none with this id. @throws TenantryError CONFLICT while another route escalates to it */
  async remove(actor: StaffActor, id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [user] = await transaction.query<{ name: string }>(
        'select name from tenantry.alert_routes where escalates_to = $1 limit 1',
        [id],
      );
      if (user !== undefined) {
        throw new TenantryError('CONFLICT', `The route ${user.name} escalates to this one.`, {
          hint: 'Delete that route first.',
        });
      }
      const [gone] = await transaction.query<{ name: string; channel: string }>(
        'delete from tenantry.alert_routes where id = $1 returning name, channel',
        [id],
      );
      if (gone === undefined) return false;
      await transaction.audit({ action: 'alert-route.delete', resource: `alert-route/${id}`, before: gone });
      return true;
    });
  }

  /** Where a route leads; for the sender. Undefined if the route is gone. */
  async targetOf(id: string): Promise<OpenedRoute | undefined> {
    if (!isUuid(id)) return undefined;
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      const [row] = await transaction.query<TargetRow>(`select ${TARGET} from tenantry.alert_routes where id = $1`, [
        id,
      ]);
      const route = (await readRoutes(transaction)).find((one) => one.id === id);
      return row === undefined || route === undefined ? undefined : { route, ...this.#opened(id, row) };
    });
  }

  /**
   * Seals what an earlier version left open and what is sealed under an older key. What cannot be read is left as it is:
   * its key may come back.
   */
  async sealAll(): Promise<Resealing> {
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const rows = await transaction.query<TargetRow & { id: string; name: string }>(
        `select id, name, ${TARGET} from tenantry.alert_routes order by id for update`,
      );
      const unreadable: string[] = [];
      let sealed = 0;
      for (const { id, name, ...row } of rows) {
        const opened = this.#opened(id, row);
        if ('problem' in opened) unreadable.push(name);
        else if (row.sealed === null || !this.#vault.isCurrent(row.sealed)) {
          await transaction.query('update tenantry.alert_routes set target = null, sealed_target = $2 where id = $1', [
            id,
            this.#vault.seal(id, opened.target),
          ]);
          sealed += 1;
        }
      }
      return { sealed, unreadable };
    });
  }

  #opened(id: string, { target, sealed }: TargetRow): { readonly target: AlertTarget } | { readonly problem: string } {
    if (sealed !== null) return this.#vault.open(id, sealed);
    return target === null ? { problem: 'it has no target' } : { target };
  }
}

/** Every route, oldest first, without its target. */
export async function readRoutes(transaction: Transaction): Promise<readonly AlertRoute[]> {
  const rows = await transaction.query<RouteRow>(
    `select id, channel, terms, created_by as "createdBy", ${unixMs('created_at')} as "createdAt"
     from tenantry.alert_routes order by created_at, id`,
  );
  return rows.map(({ terms, ...route }) => ({ ...terms, ...route }));
}

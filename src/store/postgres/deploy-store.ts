import type { StaffActor } from '../../domain/actor.ts';
import type { Deploy, NewDeploy } from '../../domain/deploy.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Window } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction } from './transaction.ts';

/** A build that goes round in circles must not fill the table, nor the charts. */
const MOST_AN_HOUR = 500;
/** As far back as anybody may ask. */
const KEPT = `interval '400 days'`;

const COLUMNS = `id, service, version, ${unixMs('at')} as at, note, url, created_by as "createdBy",
  ${unixMs('created_at')} as "createdAt"`;

/** Versions of services that went out. */
export class DeployStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Notes a deploy, once: by its key where it has one, else by service, version and time.
   * @throws TenantryError CONFLICT when the key stands for another service or version, RATE_LIMITED for too many
   */
  async mark(actor: StaffActor, deploy: NewDeploy): Promise<{ readonly deploy: Deploy; readonly isNew: boolean }> {
    const { service, version, at, note, url, idempotencyKey } = deploy;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [made] = await transaction.query<Deploy>(
        `insert into tenantry.deploys (service, version, at, note, url, idempotency_key, created_by)
         select $1, $2, coalesce(${fromUnixMs('$3')}, date_trunc('milliseconds', clock_timestamp())), $4, $5, $6, $7
         on conflict do nothing returning ${COLUMNS}`,
        [service, version, at, note, url, idempotencyKey, actor.subject],
      );
      if (made === undefined) {
        transaction.unaudited('the deploy is known already');
        return { deploy: await known(transaction, deploy), isNew: false };
      }
      await refuseTooMany(transaction);
      await transaction.query(`delete from tenantry.deploys where at < clock_timestamp() - ${KEPT}`);
      await transaction.audit({ action: 'deploy.mark', resource: `deploy/${made.id}`, after: made });
      return { deploy: made, isNew: true };
    });
  }

  /** Newest first. */
  async list(
    actor: StaffActor,
    filter: { readonly window: Window; readonly service: string | undefined; readonly limit: number },
  ): Promise<readonly Deploy[]> {
    const { window, service, limit } = filter;
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Deploy>(
        `select ${COLUMNS} from tenantry.deploys
         where at >= ${fromUnixMs('$1')} and at < ${fromUnixMs('$2')} and ($3::text is null or service = $3)
         order by deploys.at desc, id limit $4`,
        [window.from, window.to, service ?? null, limit],
      ),
    );
  }
}

async function known(transaction: StaffTransaction, deploy: NewDeploy): Promise<Deploy> {
  const { service, version, at, idempotencyKey } = deploy;
  const [found] = await transaction.query<Deploy>(
    `select ${COLUMNS} from tenantry.deploys
     where idempotency_key = $1 or (service = $2 and version = $3 and at = ${fromUnixMs('$4')})
     order by idempotency_key = $1 desc nulls last limit 1`,
    [idempotencyKey, service, version, at],
  );
  if (found === undefined) throw new TenantryError('INTERNAL', 'The deploy that stood in the way cannot be read');
  if (found.service === service && found.version === version) return found;
  throw new TenantryError('CONFLICT', 'This idempotency key stands for another deploy.', {
    hint: 'Give every deploy a key of its own, such as the id of the pipeline run.',
  });
}

async function refuseTooMany(transaction: StaffTransaction): Promise<void> {
  const [row] = await transaction.query<{ n: number }>(
    `select count(*)::int as n from tenantry.deploys where created_at > clock_timestamp() - interval '1 hour'`,
  );
  if ((row?.n ?? 0) <= MOST_AN_HOUR) return;
  throw new TenantryError('RATE_LIMITED', `More than ${MOST_AN_HOUR} deploys were marked in the last hour.`, {
    hint: 'Mark one deploy a rollout, not one an instance.',
  });
}

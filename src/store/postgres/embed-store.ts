import type { StaffActor } from '../../domain/actor.ts';
import type { EmbedToken, NewEmbedToken } from '../../domain/embed.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';

const DOOR: StaffActor = { kind: 'system', subject: 'embed' };
/** The audit log keeps who got one; the rows are there to be taken back, which an expired one needs no more. */
const SWEPT_AFTER = "interval '1 day'";
/** So that a request never waits for a long sweep. */
const SWEPT_AT_ONCE = 500;

const COLUMNS = `token_id as "tokenId", tenant_id as "tenantId", embed_user as "user", views, created_by as "createdBy",
  ${unixMs('created_at')} as "createdAt", ${unixMs('expires_at')} as "expiresAt", ${unixMs('revoked_at')} as "revokedAt"`;

/** Tokens of frames that were given out, so that they can be taken back before they expire. */
export class EmbedStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Enters the tenant if it is new. */
  async issue(actor: StaffActor, wanted: NewEmbedToken): Promise<EmbedToken> {
    const { tenantId, user, views, expiresAt } = wanted;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const [row] = await transaction.query<EmbedToken>(
        `insert into tenantry.embed_tokens (tenant_id, embed_user, views, created_by, expires_at)
         values ($1, $2, $3, $4, ${fromUnixMs('$5')}) returning ${COLUMNS}`,
        [tenantId, user, views, actor.subject, expiresAt],
      );
      if (row === undefined) throw new TenantryError('INTERNAL', 'The token just written cannot be read');
      await transaction.query(
        `delete from tenantry.embed_tokens where (tenant_id, token_id) in (
           select tenant_id, token_id from tenantry.embed_tokens
           where expires_at < clock_timestamp() - ${SWEPT_AFTER} order by expires_at limit $1 for update skip locked)`,
        [SWEPT_AT_ONCE],
      );
      await transaction.audit({
        ...{ action: 'embed-token.create', resource: `embed-token/${row.tokenId}`, tenantId },
        after: { user, views, expires_at: new Date(expiresAt).toISOString() },
      });
      return row;
    });
  }

  /** Whether the token was given out and not taken back. Expiry is the signature's to tell. */
  async isGood(tenantId: TenantId, tokenId: string): Promise<boolean> {
    const rows = await this.#postgres.inStaffTransaction(DOOR, (transaction) =>
      transaction.query(
        'select 1 from tenantry.embed_tokens where tenant_id = $1 and token_id = $2 and revoked_at is null',
        [tenantId, tokenId],
      ),
    );
    return rows.length > 0;
  }

  /** Those that have not expired, newest first; also those that were taken back. */
  async list(
    actor: StaffActor,
    filter: { readonly tenantId: TenantId | undefined; readonly limit: number },
  ): Promise<readonly EmbedToken[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<EmbedToken>(
        `select ${COLUMNS} from tenantry.embed_tokens
         where ($1::text is null or tenant_id = $1) and expires_at > clock_timestamp()
         order by created_at desc, token_id limit $2`,
        [filter.tenantId ?? null, filter.limit],
      ),
    );
  }

  /** False if there is none that was not taken back before. */
  async revoke(actor: StaffActor, tokenId: string): Promise<boolean> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [row] = await transaction.query<{ tenant_id: TenantId }>(
        `update tenantry.embed_tokens set revoked_at = clock_timestamp(), revoked_by = $2
         where token_id = $1 and revoked_at is null returning tenant_id`,
        [tokenId, actor.subject],
      );
      if (row === undefined) return false;
      await transaction.audit({
        ...{ action: 'embed-token.revoke', resource: `embed-token/${tokenId}`, tenantId: row.tenant_id },
      });
      return true;
    });
  }
}

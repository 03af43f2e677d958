import type { StaffActor } from '../../domain/actor.ts';
import type { Approval, ApprovalState, Proposal } from '../../domain/automation.ts';
import { TenantryError } from '../../domain/errors.ts';
import { isTenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { insertStep } from './promotion-store.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

const LONGEST_SECONDS = 31 * 86_400;

export interface NewApproval {
  /** A tenant, or '(all)'. */
  readonly tenantId: string;
  readonly proposal: Proposal;
  readonly explanation: string;
  readonly expiresInSeconds: number;
}

export interface AskedOfFinding {
  readonly anomalyId: string;
  readonly state: ApprovalState;
  readonly by: string | null;
}

const STATE = `case when verdict is not null then verdict when expires_at <= clock_timestamp() then 'expired' else 'pending' end`;
const COLUMNS = `id, tenant_id as "tenantId", proposal, explanation, asked_by as "askedBy", ${unixMs('asked_at')} as "askedAt",
  ${unixMs('expires_at')} as "expiresAt", ${STATE} as state, decided_by as "decidedBy",
  ${unixMs('decided_at')} as "decidedAt", note`;

/** What waits for a second person. Answers count until the question's end, on the database's clock. */
export class ApprovalStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Asks. About a finding only once: a second time gives what was asked first.
   * @throws TenantryError BAD_REQUEST for values outside the table's bounds
   */
  async ask(actor: StaffActor, asked: NewApproval): Promise<Approval> {
    const { tenantId, proposal, explanation, expiresInSeconds } = asked;
    if (!(expiresInSeconds > 0 && expiresInSeconds <= LONGEST_SECONDS)) {
      throw new TenantryError('BAD_REQUEST', 'A question waits more than 0 seconds and at most 31 days.');
    }
    const subject = subjectOf(proposal);
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      if (isTenantId(tenantId)) await enterTenants(transaction, [tenantId]);
      const [stored] = await transaction.query<Approval>(
        `with moment as materialized (select clock_timestamp() as at)
         insert into tenantry.approvals (tenant_id, kind, subject, proposal, explanation, asked_by, asked_at, expires_at)
         select $1, $2, $3, $4::jsonb, $5, $6, at, at + make_interval(secs => $7) from moment
         on conflict (tenant_id, subject) where kind = 'throttle' do nothing returning ${COLUMNS}`,
        [tenantId, proposal.kind, subject, JSON.stringify(proposal), explanation, actor.subject, expiresInSeconds],
      );
      if (stored === undefined) {
        transaction.unaudited('it was asked before');
        return only(
          await transaction.query<Approval>(
            `select ${COLUMNS} from tenantry.approvals where tenant_id = $1 and subject = $2 and kind = 'throttle'`,
            [tenantId, subject],
          ),
        );
      }
      await audit(transaction, 'approval.ask', stored);
      return stored;
    });
  }

  /** Newest first; `pendingOnly`: those that can still be answered. */
  async list(
    actor: StaffActor,
    { pendingOnly, limit }: { readonly pendingOnly: boolean; readonly limit: number },
  ): Promise<readonly Approval[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Approval>(
        `select ${COLUMNS} from tenantry.approvals
         where not $1 or (verdict is null and expires_at > clock_timestamp())
         order by asked_at desc, id limit $2`,
        [pendingOnly, limit],
      ),
    );
  }

  /** What people were asked about these findings. */
  async ofFindings(actor: StaffActor, anomalyIds: readonly string[]): Promise<readonly AskedOfFinding[]> {
    if (anomalyIds.length === 0) return [];
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<AskedOfFinding>(
        `select subject as "anomalyId", ${STATE} as state, decided_by as by from tenantry.approvals
         where kind = 'throttle' and subject = any($1)`,
        [anomalyIds],
      ),
    );
  }

  /**
   * Answers. An approved promotion is carried out in the same transaction; an approved throttle is written by the
   * policy, which asks all its guards again. Undefined if nothing is waiting under this id.
   * @throws TenantryError FORBIDDEN for approving what one asked for oneself
   */
  async decide(
    actor: StaffActor,
    id: string,
    verdict: 'approved' | 'denied',
    note: string | null,
  ): Promise<Approval | undefined> {
    if (!isUuid(id)) return undefined;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [waiting] = await transaction.query<Approval>(
        `select ${COLUMNS} from tenantry.approvals
         where id = $1 and verdict is null and expires_at > clock_timestamp() for update`,
        [id],
      );
      if (waiting === undefined) {
        transaction.unaudited('nothing waits under this id');
        return undefined;
      }
      if (verdict === 'approved' && waiting.askedBy === actor.subject) {
        throw new TenantryError('FORBIDDEN', 'Nobody approves what they asked for themselves.', {
          hint: 'Ask a second person, or deny it to take it back.',
        });
      }
      const decided = only(
        await transaction.query<Approval>(
          `update tenantry.approvals set verdict = $2, decided_by = $3, decided_at = clock_timestamp(), note = $4
           where id = $1 returning ${COLUMNS}`,
          [id, verdict, actor.subject, note],
        ),
      );
      await audit(transaction, verdict === 'approved' ? 'approval.approve' : 'approval.deny', decided);
      const { proposal } = decided;
      if (verdict === 'approved' && proposal.kind === 'promotion') {
        await insertStep(transaction, { ...proposal, by: decided.askedBy, approvedBy: actor.subject });
      }
      return decided;
    });
  }
}

function subjectOf(proposal: Proposal): string {
  return proposal.kind === 'throttle' ? proposal.anomalyId : proposal.rule;
}

function only(rows: readonly Approval[]): Approval {
  const [row] = rows;
  if (row === undefined) throw new TenantryError('INTERNAL', 'The approval just written cannot be read');
  return row;
}

async function audit(transaction: StaffTransaction, action: string, approval: Approval): Promise<void> {
  const { id, tenantId } = approval;
  await transaction.audit({
    ...{ action, resource: `approval/${id}`, after: approval },
    ...(isTenantId(tenantId) ? { tenantId } : {}),
  });
}

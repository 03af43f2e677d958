import type { StaffActor } from '../../domain/actor.ts';
import type { Aftercare, CertificateBody, DeletionCertificate } from '../../domain/deletion-certificate.ts';
import { AUDIT_FIELDS, attestedBy, CERTIFY_ACTION, erasureDigest, recordDigest } from './audit-erasure.ts';
import { ERASER } from './deletion-jobs.ts';
import type { Postgres } from './postgres.ts';
import type { Transaction } from './transaction.ts';

interface Row extends Omit<DeletionCertificate, 'body'> {
  readonly text: string;
}

const COLUMNS = `body as text, sha256, signature, public_key as "publicKey", aftercare`;

/** A tenant that was deleted, as its pseudonym tells it. */
export interface Tombstone {
  readonly pseudonym: string;
  readonly keyId: string;
}

/** Certificates of deletion, and who was deleted. */
export class CertificateStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Newest first. */
  async list(actor: StaffActor, limit: number): Promise<readonly DeletionCertificate[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<Row>(
        `select ${COLUMNS} from tenantry.deletion_certificates order by issued_at desc, certificate_id limit $1`,
        [limit],
      ),
    );
    return rows.map(toCertificate);
  }

  async find(actor: StaffActor, certificateId: string): Promise<DeletionCertificate | undefined> {
    const [row] = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<Row>(`select ${COLUMNS} from tenantry.deletion_certificates where certificate_id = $1`, [
        certificateId,
      ]),
    );
    return row === undefined ? undefined : toCertificate(row);
  }

  /** Those whose stores' files were not seen to yet. */
  async withoutAftercare(): Promise<readonly string[]> {
    const rows = await this.#postgres.inStaffTransaction(ERASER, (transaction) =>
      transaction.query<{ id: string }>(
        'select certificate_id as id from tenantry.deletion_certificates where aftercare is null order by issued_at',
      ),
    );
    return rows.map(({ id }) => id);
  }

  async setAftercare(certificateId: string, aftercare: Aftercare): Promise<void> {
    await this.#postgres.inStaffTransaction(ERASER, async (transaction) => {
      transaction.unaudited('what was done to files after a deletion; the deletion itself is audited');
      await transaction.query('update tenantry.deletion_certificates set aftercare = $2 where certificate_id = $1', [
        certificateId,
        JSON.stringify(aftercare),
      ]);
    });
  }

  async tombstones(): Promise<readonly Tombstone[]> {
    return this.#postgres.inStaffTransaction(ERASER, (transaction) =>
      transaction.query<Tombstone>(
        'select pseudonym, key_id as "keyId" from tenantry.deleted_tenants order by since, pseudonym',
      ),
    );
  }

  /** Which of these pseudonyms are of tenants that were deleted. */
  async deletedAmong(pseudonyms: readonly string[]): Promise<ReadonlySet<string>> {
    if (pseudonyms.length === 0) return new Set();
    const rows = await this.#postgres.inStaffTransaction(ERASER, (transaction) =>
      transaction.query<{ pseudonym: string }>(
        'select pseudonym from tenantry.deleted_tenants where pseudonym = any($1)',
        [pseudonyms],
      ),
    );
    return new Set(rows.map(({ pseudonym }) => pseudonym));
  }

  /** Whether the chain of the audit log has the certificate's hash, and the rewritten records are as they were left. */
  async auditOf({
    body,
    sha256,
  }: DeletionCertificate): Promise<{ readonly chained: boolean; readonly asLeft: boolean }> {
    return this.#postgres.inStaffTransaction(ERASER, async (transaction) => {
      const told = await transaction.query<{ after: string | null }>(
        `select l.after::text as after from tenantry.audit_log l join tenantry.audit_chain c on c.seq = l.seq
         where l.action = $1 and l.resource = $2`,
        [CERTIFY_ACTION, `deletion-certificate/${body.certificate_id}`],
      );
      const chained = told.some(({ after }) => {
        const attested = attestedBy(CERTIFY_ACTION, after);
        const { digest, records } = body.audit;
        return after?.includes(sha256) === true && attested?.digest === digest && attested.records === records;
      });
      return { chained, asLeft: await isAsLeft(transaction, body) };
    });
  }
}

async function isAsLeft(transaction: Transaction, body: CertificateBody): Promise<boolean> {
  const rows = await transaction.query<{ position: number; digest: string; newest: string; fields: (string | null)[] }>(
    `select e.position::float8 as position, encode(e.digest, 'hex') as digest, ${AUDIT_FIELDS} as fields,
            (select encode(n.digest, 'hex') from tenantry.audit_erasures n where n.position = e.position
             order by n.number desc limit 1) as newest
     from tenantry.audit_erasures e join tenantry.audit_chain c on c.position = e.position
     join tenantry.audit_log l on l.seq = c.seq where e.certificate_id = $1 order by e.position`,
    [body.certificate_id],
  );
  const same = rows.every(({ fields, newest }) => recordDigest(fields) === newest);
  return same && rows.length === body.audit.records && erasureDigest(rows) === body.audit.digest;
}

function toCertificate(row: Row): DeletionCertificate {
  return { ...row, body: JSON.parse(row.text) as CertificateBody };
}

import type { DeletionCertificates } from '../api/deletions-ports.ts';
import { certificateHolds, type DeletionCertificate, type DeletionProof } from '../domain/deletion-certificate.ts';
import { TenantryError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { TelemetryEraser } from '../store/clickhouse/deletion.ts';
import type { CertificateStore } from '../store/postgres/deletion-certificates.ts';
import { ERASER } from '../store/postgres/deletion-jobs.ts';
import { everybodysRows } from '../store/postgres/deletion-rows.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { isPartOfOthers, searchFiles } from './deletion-files.ts';
import { type InstallationKey, isSignedBy } from './deletion-key.ts';

/** An answer must not keep its reader waiting for longer than this; a big data directory is searched by the command. */
const SEARCH_MS = 60 * SECOND_MS;

export interface CertificateDeskOptions {
  readonly postgres: Postgres;
  readonly store: CertificateStore;
  readonly telemetry: TelemetryEraser;
  readonly key: InstallationKey;
  readonly dataDir: string;
  readonly now: () => number;
}

/** Certificates, and whether what they say still holds. */
export function certificateDesk(options: CertificateDeskOptions): DeletionCertificates {
  const { store, now } = options;
  return {
    list: (actor, limit) => store.list(actor, limit),
    find: (actor, certificateId) => store.find(actor, certificateId),
    verify: async (actor, certificateId, tenantId) => {
      const certificate = await store.find(actor, certificateId);
      if (certificate === undefined) return undefined;
      assertSame(certificate, options.key, tenantId);
      const { text, signature, publicKey, body } = certificate;
      const { chained, asLeft } = await store.auditOf(certificate);
      const { proofs, enteredAnew } = await askAgain(options, body.pseudonym);
      const files = tenantId === undefined ? null : await filesNaming(options, tenantId);
      const check = {
        signatureGood: publicKey === options.key.publicKey && isSignedBy(publicKey, text, signature),
        ...{ chained, auditAsLeft: asLeft, enteredAnew, proofs, files },
      };
      return { ...check, certificateId, checkedAt: now(), holds: certificateHolds(check) };
    },
  };
}

async function filesNaming({ postgres, dataDir, now }: CertificateDeskOptions, tenantId: TenantId) {
  const wholeWords = await isPartOfOthers(postgres, tenantId);
  return (await searchFiles(dataDir, tenantId, { until: now() + SEARCH_MS, wholeWords })).found;
}

function assertSame({ body }: DeletionCertificate, key: InstallationKey, tenantId: TenantId | undefined): void {
  if (body.key_id !== key.id) {
    throw new TenantryError(
      'CONFLICT',
      'The certificate was made with another installation key than this server has.',
      {
        hint: 'Set TENANTRY_INSTALLATION_KEY to the key of that installation, or put its installation-key.json back.',
      },
    );
  }
  if (tenantId !== undefined && key.pseudonym(tenantId) !== body.pseudonym) {
    throw new TenantryError('BAD_REQUEST', 'The certificate is not that of this tenant.', {
      hint: 'Leave "tenant_id" out to check the certificate without searching files.',
      pointer: '/tenant_id',
    });
  }
}

/**
 * Every table asked whose rows it has, and each owner hashed: the certificate does not tell the id, so that whoever reads
 * it learns nothing, and still every row of that tenant is found.
 */
async function askAgain(
  { postgres, telemetry, key }: CertificateDeskOptions,
  pseudonym: string,
): Promise<{ readonly proofs: readonly DeletionProof[]; readonly enteredAnew: boolean }> {
  const control = await postgres.inStaffTransaction(ERASER, everybodysRows);
  const rows = await telemetry.everybody();
  const id = [...control.keys(), ...rows.keys()].find((tenant) => key.pseudonym(tenant) === pseudonym);
  const found = (all: ReadonlyMap<string, readonly { table: string; rows: number }[]>, store: string) =>
    (id === undefined ? [] : (all.get(id) ?? [])).map(
      ({ table, rows: result }): DeletionProof => ({
        ...{ place: `${store}.${table}`, query: `rows by tenant of ${table}, those of the pseudonym`, result },
      }),
    );
  const tables = {
    place: 'all tables of both stores',
    query: 'owners of rows, hashed: those of the pseudonym',
    result: 0,
  };
  const proofs = [...found(rows, 'clickhouse'), ...found(control, 'postgres')];
  const enteredAnew = id !== undefined && (control.get(id) ?? []).some(({ table }) => table === 'tenants');
  return { proofs: proofs.length === 0 ? [tables] : proofs, enteredAnew };
}

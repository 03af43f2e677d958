import { createHash } from 'node:crypto';
import { type CertificateBody, type DeletionProof, type PlaceRows, rowsNoted } from '../domain/deletion-certificate.ts';
import type { FinishedFacts, SignedCertificate } from '../store/postgres/deletion-finish.ts';
import type { InstallationKey } from './deletion-key.ts';

/** Told with every certificate: a proof that does not say what it leaves out proves less than it seems to. */
const LIMITS = [
  'Backups and archives that were made before hold the data until they are dropped; restoring one of them brings it back.',
  'Telemetry of other tenants stays as they sent it, also where a text of theirs names the tenant.',
  'The store of telemetry keeps the text of its last hundred mutations per table, with a salted hash of the id and not the id.',
  'A server of the operator’s (DATABASE_URL, CLICKHOUSE_URL) has logs, statistics and write-ahead files of its own, which Tenantry does not reach.',
] as const;

interface CertifyOptions {
  readonly facts: FinishedFacts;
  readonly telemetryProofs: readonly DeletionProof[];
  readonly key: InstallationKey;
  /** Unix ms. */
  readonly now: number;
  readonly version: string;
}

function added(...lists: readonly (readonly PlaceRows[])[]): readonly PlaceRows[] {
  const sums = new Map<string, number>();
  for (const { place, rows } of lists.flat()) sums.set(place, (sums.get(place) ?? 0) + rows);
  return [...sums]
    .map(([place, rows]) => ({ place, rows }))
    .toSorted((left, right) => (left.place < right.place ? -1 : 1));
}

/** The certificate of a deletion as text, signed. Nothing in it tells whose data it was, or who of whom did it. */
export function certificateOf({ facts, telemetryProofs, key, now, version }: CertifyOptions): SignedCertificate {
  const { request, left } = facts;
  const time = (at: number) => new Date(at).toISOString();
  const same = left.map(
    ({ place, rows }) => `${rows} rows of ${place} have the same text as the name of something else, and were left.`,
  );
  const body: CertificateBody = {
    ...{ format: 1, certificate_id: request.requestId, pseudonym: key.pseudonym(request.tenantId), key_id: key.id },
    tenantry_version: version,
    requested_at: time(request.requestedAt),
    requested_by: request.requestedByOperator ? 'operator' : 'tenant',
    not_before: time(request.notBefore),
    started_at: time(request.startedAt ?? now),
    started_by: request.startedBy === 'schedule' ? 'schedule' : 'operator',
    finished_at: time(now),
    legal_basis: request.legalBasis.replaceAll(request.tenantId, '(deleted)'),
    deleted: added(rowsNoted(request.progress, 'deleted'), facts.deleted),
    ...{ kept_under_pseudonym: facts.kept, names_taken_out: facts.takenOut, audit: facts.audit },
    proofs: [...telemetryProofs, ...facts.proofs],
    limits: [...LIMITS, ...same],
  };
  const text = JSON.stringify(body);
  return {
    ...{ text, sha256: createHash('sha256').update(text).digest('hex') },
    ...{ signature: key.sign(text), publicKey: key.publicKey },
  };
}

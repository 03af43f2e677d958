/** How records of the audit log are accounted for whose words a deletion took out. */
import { createHash } from 'node:crypto';

/** A record's fields as texts, in the order in which the chain hashes them; `l` is the log. */
export const AUDIT_FIELDS = `array[l.seq::text, to_char(l.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), l.subject,
  l.role, l.tenant_id, l.action, l.resource, l.before::text, l.after::text, l.request_id]`;

/** The action whose record in the chain tells what a deletion took out. */
export const CERTIFY_ACTION = 'deletion.certify';

/** A field as a netstring, `-` for null: no two lists of fields give the same text. */
export function netstring(field: string | null): string {
  return field === null ? '-,' : `${Buffer.byteLength(field)}:${field},`;
}

/** The hash (hex) of what is left of a record. */
export function recordDigest(fields: readonly (string | null)[]): string {
  return createHash('sha256').update(fields.map(netstring).join('')).digest('hex');
}

/** The hash (hex) of all records that one deletion took words out of, in the order of the chain. */
export function erasureDigest(records: readonly { readonly position: number; readonly digest: string }[]): string {
  const hash = createHash('sha256');
  for (const { position, digest } of records) hash.update(`${position}:${digest}\n`);
  return hash.digest('hex');
}

/** A deletion that took words out of a record, and the hash (hex) of what it left. */
export interface RecordErasure {
  readonly certificateId: string;
  readonly digest: string;
}

/** What a deletion's own record in the chain says of it; undefined: it is no such record. */
export function attestedBy(
  action: string | null | undefined,
  after: string | null | undefined,
): { readonly certificateId: string; readonly records: number; readonly digest: string } | undefined {
  if (action !== CERTIFY_ACTION || typeof after !== 'string') return undefined;
  const told: unknown = JSON.parse(after);
  if (typeof told !== 'object' || told === null || !('certificate_id' in told) || !('audit' in told)) return undefined;
  const { certificate_id: certificateId, audit } = told;
  if (typeof certificateId !== 'string' || typeof audit !== 'object' || audit === null) return undefined;
  if (!('records' in audit) || !('digest' in audit)) return undefined;
  const { records, digest } = audit;
  return typeof records === 'number' && typeof digest === 'string' ? { certificateId, records, digest } : undefined;
}

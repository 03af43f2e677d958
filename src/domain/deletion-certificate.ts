/** The proof that a tenant was deleted, without anything that tells whose it was. Pure. */

/** Rows of one table, `postgres.flags` or `clickhouse.spans`. */
export interface PlaceRows {
  readonly place: string;
  readonly rows: number;
}

/** A question that must be answered 0, and what it was answered. `{tenant}` stands for the id. */
export interface DeletionProof {
  readonly place: string;
  readonly query: string;
  readonly result: number;
}

/** What is signed. Times are RFC 3339. */
export interface CertificateBody {
  readonly format: 1;
  readonly certificate_id: string;
  /** Keyed hash of the tenant's id. */
  readonly pseudonym: string;
  /** Which installation key made it, and signed this. */
  readonly key_id: string;
  readonly tenantry_version: string;
  readonly requested_at: string;
  readonly requested_by: 'tenant' | 'operator';
  readonly not_before: string;
  readonly started_at: string;
  readonly started_by: 'operator' | 'schedule';
  readonly finished_at: string;
  readonly legal_basis: string;
  readonly deleted: readonly PlaceRows[];
  /** Figures that go on adding up to bills and closed months, under the pseudonym. */
  readonly kept_under_pseudonym: readonly PlaceRows[];
  /** Rows of others or of the operator that named the tenant, and no longer do. */
  readonly names_taken_out: readonly PlaceRows[];
  /** Records of the audit log whose words were taken out; the hash of all that is left of them. */
  readonly audit: { readonly records: number; readonly digest: string };
  readonly proofs: readonly DeletionProof[];
  /** What this does not prove, in sentences. */
  readonly limits: readonly string[];
}

export interface DeletionCertificate {
  readonly body: CertificateBody;
  /** The very text that is signed. */
  readonly text: string;
  /** SHA-256 of the text, hex; also in the audit chain. */
  readonly sha256: string;
  /** Ed25519 over the text, base64. */
  readonly signature: string;
  /** SPKI, base64. */
  readonly publicKey: string;
  readonly aftercare: Aftercare | null;
}

/** What was done to the stores' files after the certificate was issued. */
export interface Aftercare {
  readonly at: string;
  readonly notes: readonly string[];
  /** Files that still name the tenant; null: they were not searched. */
  readonly files: readonly string[] | null;
}

/** One look at whether it still holds. */
export interface CertificateCheck {
  readonly certificateId: string;
  /** Unix ms. */
  readonly checkedAt: number;
  readonly signatureGood: boolean;
  /** The hash stands in the audit chain, in the record of this deletion. */
  readonly chained: boolean;
  /** The records of the audit log that were rewritten are as they were left. */
  readonly auditAsLeft: boolean;
  readonly proofs: readonly DeletionProof[];
  /** Places that hold rows of the tenant and were not in the certificate's time. */
  readonly enteredAnew: boolean;
  /** Files that name the tenant; null: they cannot be searched without its id. */
  readonly files: readonly string[] | null;
  readonly holds: boolean;
}

/** The certificate speaks true now: unchanged, chained, and no proof finds a row. A tenant that came back is no fault of it. */
export function certificateHolds(check: Omit<CertificateCheck, 'holds' | 'certificateId' | 'checkedAt'>): boolean {
  const nothingLeft = check.proofs.every(({ result }) => result === 0) && (check.files ?? []).length === 0;
  return check.signatureGood && check.chained && check.auditAsLeft && (nothingLeft || check.enteredAnew);
}

/** Rows by place from what a job has noted so far: `<kind>:<place>` -> rows. */
export function rowsNoted(progress: Readonly<Record<string, number>>, kind: NotedKind): readonly PlaceRows[] {
  const prefix = `${kind}:`;
  return Object.entries(progress)
    .filter(([name, rows]) => name.startsWith(prefix) && rows > 0)
    .map(([name, rows]) => ({ place: name.slice(prefix.length), rows }))
    .toSorted((left, right) => (left.place < right.place ? -1 : 1));
}

export type NotedKind = 'deleted';

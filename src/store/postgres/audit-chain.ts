/**
 * Walks the chain of the audit log (migration 0027) and says what does not fit. The hashes are computed here and not by
 * the database, so that whoever may change its functions cannot make an edited log look whole. Somebody who may do
 * everything in the database can rewrite the whole chain; against that helps a head that is kept elsewhere.
 */
import { createHash } from 'node:crypto';
import type { StaffActor } from '../../domain/actor.ts';
import type { AuditChainProblem, AuditHead } from '../../domain/audit.ts';
import {
  AUDIT_FIELDS,
  attestedBy,
  erasureDigest,
  netstring,
  type RecordErasure,
  recordDigest,
} from './audit-erasure.ts';
import type { Postgres } from './postgres.ts';

/** A link with its record, texts as the database writes them; a record that is gone is null in every field. */
export interface ChainRow {
  readonly position: number;
  /** Hex. */
  readonly hash: string;
  readonly seq: string;
  readonly recordSeq: string | null;
  /** `recordSeq` to the request id, in the order in which they are hashed. */
  readonly fields: readonly (string | null)[];
  /** Deletions that took words out of the record, the oldest first. */
  readonly erasures?: readonly RecordErasure[];
}

type LinkedRow = Omit<ChainRow, 'erasures'> & { readonly erasures: readonly RecordErasure[] | null };

export interface ChainFindings {
  readonly entries: number;
  readonly problems: readonly AuditChainProblem[];
  readonly problemsTotal: number;
  /** null: the log is empty. */
  readonly head: AuditHead | null;
}

const GENESIS = '00'.repeat(32);
const ROWS_AT_ONCE = 2_000;
const MOST_PROBLEMS = 100;
const CHECKER: StaffActor = { kind: 'system', subject: 'audit-chain' };

/** The hash (hex) of a link: SHA-256 over the one before and the fields as netstrings. */
export function linkHash(previous: string, position: number, fields: readonly (string | null)[]): string {
  const payload = [String(position), ...fields].map(netstring).join('');
  return createHash('sha256').update(Buffer.from(previous, 'hex')).update(payload).digest('hex');
}

/** Takes the links in order. One change is one problem: after it, the walk goes on from what is written. */
export class ChainWalk {
  readonly #kept: readonly AuditHead[];
  readonly #problems: AuditChainProblem[] = [];
  #total = 0;
  #entries = 0;
  readonly #erased = new Map<string, { position: number; seq: string; digest: string }[]>();
  /** What deletions say in their own records of the chain that they took out. */
  readonly #attested = new Map<string, { readonly records: number; readonly digest: string }>();
  #position = 0;
  #hash = GENESIS;

  /** `kept`: heads from earlier checks, which the chain must still go through. */
  constructor(kept: readonly AuditHead[] = []) {
    this.#kept = kept;
  }

  get entries(): number {
    return this.#entries;
  }

  add({ position, hash, seq, recordSeq, fields, erasures = [] }: ChainRow): void {
    const expected = this.#position + 1;
    if (position !== expected) {
      const gap = position - expected === 1 ? `Record ${expected} is` : `Records ${expected} to ${position - 1} are`;
      this.#report('missing', expected, null, `${gap} gone from the chain.`);
    } else if (recordSeq === null) {
      this.#report('missing', position, seq, `The record at place ${position} is gone; its link is still there.`);
    } else if (linkHash(this.#hash, position, fields) === hash) {
      const told = attestedBy(fields[5], fields[8]);
      if (told !== undefined) this.#attested.set(told.certificateId, told);
    } else if (erasures.at(-1)?.digest === recordDigest(fields)) {
      for (const { certificateId, digest } of erasures) {
        this.#erased.set(certificateId, [...(this.#erased.get(certificateId) ?? []), { position, seq, digest }]);
      }
    } else {
      const detail = `The record at place ${position} is not the one that was written there, or it stood elsewhere.`;
      this.#report('edited', position, seq, detail);
    }
    for (const head of this.#kept) {
      if (head.position === position && head.hash !== hash) this.#reportRewritten(position, seq);
    }
    this.#entries += 1;
    this.#position = position;
    this.#hash = hash;
  }

  /** A record that no link leads to: it was slipped in beside the log's own trigger. */
  addUnchained(seq: string): void {
    this.#report('unchained', null, seq, 'This record was written past the chain.');
  }

  end(): ChainFindings {
    const position = this.#position;
    this.#checkErasures();
    for (const head of this.#kept) {
      if (head.position <= position) continue;
      const detail = `The log ends at place ${position}, and a check once saw it at ${head.position}: its end was cut off, or an older backup restored.`;
      this.#report('truncated', position + 1, null, detail);
    }
    return {
      ...{ entries: this.#entries, problems: this.#problems, problemsTotal: this.#total },
      head: position === 0 ? null : { position, hash: this.#hash },
    };
  }

  /** Records that no longer fit their links are accounted for only all together, and by a record that still does. */
  #checkErasures(): void {
    for (const [certificateId, records] of this.#erased) {
      const told = this.#attested.get(certificateId);
      if (told?.records === records.length && told.digest === erasureDigest(records)) continue;
      for (const { position, seq } of records) {
        const detail = `The record at place ${position} was rewritten in the name of a deletion that does not account for it.`;
        this.#report('edited', position, seq, detail);
      }
    }
  }

  #reportRewritten(position: number, seq: string): void {
    const detail = `The chain has another hash at place ${position} than a check once saw there: it was written anew.`;
    this.#report('rewritten', position, seq, detail);
  }

  #report(kind: AuditChainProblem['kind'], position: number | null, id: string | null, detail: string): void {
    this.#total += 1;
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push({ kind, position, id, detail });
  }
}

/** Reads the chain as it is stored. */
export class AuditChainReader {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** How many links there are. */
  async length(): Promise<number> {
    const [row] = await this.#query<{ n: number }>('select count(*)::float8 as n from tenantry.audit_chain', []);
    return row?.n ?? 0;
  }

  /** The hash (hex) at a place; undefined: the chain does not reach it. */
  async hashAt(position: number): Promise<string | undefined> {
    const text = `select encode(hash, 'hex') as hash from tenantry.audit_chain where position = $1`;
    const [row] = await this.#query<{ hash: string }>(text, [position]);
    return row?.hash;
  }

  /**
   * Walks the whole chain, in pages: what is committed meanwhile is at its end and is walked, too.
   * @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT
   */
  async check(kept: readonly AuditHead[], onProgress: (checked: number) => void = () => {}): Promise<ChainFindings> {
    const walk = new ChainWalk(kept);
    for (let after = 0; ; ) {
      const rows = await this.#links(after);
      for (const { erasures, ...row } of rows) walk.add({ ...row, erasures: erasures ?? [] });
      onProgress(walk.entries);
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_AT_ONCE) break;
      after = last.position;
    }
    for (const { seq } of await this.#unchained()) walk.addUnchained(seq);
    return walk.end();
  }

  #links(after: number): Promise<readonly LinkedRow[]> {
    return this.#query<LinkedRow>(
      `select c.position::float8 as position, encode(c.hash, 'hex') as hash, c.seq::text as seq, l.seq::text as "recordSeq",
              ${AUDIT_FIELDS} as fields,
              (select json_agg(json_build_object('certificateId', e.certificate_id, 'digest', encode(e.digest, 'hex')) order by e.number)
               from tenantry.audit_erasures e where e.position = c.position) as erasures
       from tenantry.audit_chain c left join tenantry.audit_log l on l.seq = c.seq
       where c.position > $1 order by c.position limit $2`,
      [after, ROWS_AT_ONCE],
    );
  }

  #unchained(): Promise<readonly { readonly seq: string }[]> {
    return this.#query(
      `select l.seq::text as seq from tenantry.audit_log l
       where not exists (select from tenantry.audit_chain c where c.seq = l.seq) order by l.seq limit $1`,
      [MOST_PROBLEMS],
    );
  }

  #query<Row extends object>(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    return this.#postgres.inStaffTransaction(CHECKER, (transaction) => transaction.query<Row>(text, values));
  }
}

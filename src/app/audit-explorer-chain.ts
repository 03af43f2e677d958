import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type AuditChainProblem, type AuditChainState, type AuditHead, isAuditHead } from '../domain/audit.ts';
import { toError } from '../domain/errors.ts';
import { MINUTE_MS } from '../domain/window.ts';
import type { AuditChainReader, ChainFindings } from '../store/postgres/audit-chain.ts';
import type { AuditAnchor } from './audit-anchor.ts';

/** In the data folder and not in the database: who cuts off the log's end there cannot take this along. */
const HEAD_FILE = 'audit-head.json';
/** A page that is left open asks every few seconds; to walk a long log that often would be for nothing. */
const FRESH_FOR_MS = MINUTE_MS;
/** A short log is walked within this, so that the first answer already says how it stands. */
const PATIENCE_MS = 2_000;

interface ChainWatchOptions {
  readonly reader: Pick<AuditChainReader, 'length' | 'check'>;
  readonly dataDir: string;
  readonly log: Logger;
  readonly now: () => number;
  /** Where heads are kept outside the database; absent: nowhere but in the data folder. */
  readonly anchor?: Pick<AuditAnchor, 'keep' | 'read'> | undefined;
}

/** Checks the chain when asked and the last check is old, one check at a time, and keeps the last good head. */
export class ChainWatch {
  readonly #options: ChainWatchOptions;
  #last: { readonly at: number; readonly findings: ChainFindings } | undefined;
  #running: Promise<void> | undefined;
  #progress = { checked: 0, total: 0 };

  constructor(options: ChainWatchOptions) {
    this.#options = options;
  }

  /** @throws TenantryError when the check that this call began or waited for could not be made */
  async state({ fresh }: { readonly fresh: boolean }): Promise<AuditChainState> {
    const isOld = this.#last === undefined || this.#options.now() - this.#last.at >= FRESH_FOR_MS;
    if ((fresh || isOld) && this.#running === undefined) this.#begin();
    if (this.#running !== undefined) await this.#forAWhile(this.#running);
    return this.#told();
  }

  /** A whole check, waited for. @throws as `state` does */
  async check(): Promise<void> {
    if (this.#running === undefined) this.#begin();
    await this.#running;
  }

  #begin(): void {
    this.#progress = { checked: 0, total: 0 };
    const run = this.#check().finally(() => {
      this.#running = undefined;
    });
    // Whoever waits is told; nobody may be waiting any more.
    run.catch(() => undefined);
    this.#running = run;
  }

  async #check(): Promise<void> {
    const { reader, log, now, anchor } = this.#options;
    const kept = await this.#keptHead();
    const anchored = (await anchor?.read()) ?? { heads: [], problems: [] };
    this.#progress = { checked: 0, total: await reader.length() };
    const heads = [...(kept === undefined ? [] : [kept]), ...anchored.heads];
    const walked = await reader.check(heads, (checked) => {
      this.#progress = { checked, total: Math.max(checked, this.#progress.total) };
    });
    const findings = {
      ...walked,
      problems: [...anchored.problems, ...walked.problems],
      problemsTotal: anchored.problems.length + walked.problemsTotal,
    };
    this.#last = { at: now(), findings };
    if (findings.problemsTotal > 0) {
      log.error({ problems: findings.problemsTotal, first: findings.problems[0] }, 'the audit log was tampered with');
    } else if (findings.head !== null) {
      await this.#keep(findings.head);
      await anchor?.keep(findings.head);
    }
  }

  async #forAWhile(run: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    try {
      await Promise.race([run, patience]);
    } finally {
      clearTimeout(timer);
    }
  }

  #told(): AuditChainState {
    const { entries = 0, problems = [], problemsTotal = 0, head = null } = this.#last?.findings ?? {};
    const known = this.#last === undefined ? 'unchecked' : problemsTotal === 0 ? 'intact' : 'broken';
    return {
      state: this.#running === undefined ? known : 'checking',
      checkedAt: this.#last?.at ?? null,
      progress: this.#running === undefined ? null : this.#progress,
      ...{ entries, problems, problemsTotal, head },
    };
  }

  async #keptHead(): Promise<AuditHead | undefined> {
    try {
      const kept: unknown = JSON.parse(await readFile(join(this.#options.dataDir, HEAD_FILE), 'utf8'));
      return isAuditHead(kept) ? kept : undefined;
    } catch {
      return undefined;
    }
  }

  async #keep(head: AuditHead): Promise<void> {
    const path = join(this.#options.dataDir, HEAD_FILE);
    const unfinished = `${path}.${randomBytes(4).toString('hex')}`;
    try {
      await writeFile(unfinished, `${JSON.stringify(head)}\n`, { mode: 0o600 });
      await rename(unfinished, path);
    } catch (thrown) {
      this.#options.log.warn({ err: toError(thrown) }, 'the head of the audit log was not kept');
    }
  }
}

/** What a head that somebody kept elsewhere says against the chain as the last check saw it. */
export function headProblem(
  kept: AuditHead,
  stored: string | undefined,
  length: number,
): AuditChainProblem | undefined {
  const { position } = kept;
  if (stored === kept.hash) return undefined;
  if (stored === undefined) {
    const detail = `The log ends at place ${length}, and the head that you gave is of place ${position}.`;
    return { kind: 'truncated', position, id: null, detail };
  }
  const detail = `The chain has another hash at place ${position} than the head that you gave.`;
  return { kind: 'rewritten', position, id: null, detail };
}

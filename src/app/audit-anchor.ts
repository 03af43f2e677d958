/**
 * Heads of the audit log outside the database, signed. A chain by itself cannot show that its end was cut off, nor that
 * whoever may do everything in the database wrote it anew; a head that was put elsewhere shows both, and the signature
 * that nobody but this installation put it there. Elsewhere is for the operator to choose: a mounted bucket in which
 * nothing can be overwritten, or another machine's folder.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type AuditChainProblem, type AuditHead, isAuditHead } from '../domain/audit.ts';
import { toError } from '../domain/errors.ts';
import { type InstallationKey, isSignedBy } from './deletion-key.ts';

const FILE = /^audit-head-(\d{15})\.json$/;
/** A later head vouches for all before it, so older files are for people. */
const NEWEST_READ = 3;

export interface AuditAnchorOptions {
  /** Made if it is absent. */
  readonly folder: string;
  readonly key: Pick<InstallationKey, 'publicKey' | 'sign'>;
  readonly log: Logger;
  /** Unix ms. */
  readonly now: () => number;
}

interface KeptHead extends AuditHead {
  /** RFC 3339. */
  readonly at: string;
  /** Ed25519, base64, over `signedText`. */
  readonly signature: string;
}

export interface AnchoredHeads {
  readonly heads: readonly AuditHead[];
  /** Files that this installation did not write, or not so. */
  readonly problems: readonly AuditChainProblem[];
}

/** Fixed words first, so that a signature over something else never passes for one over a head. */
function signedText({ position, hash, at }: Pick<KeptHead, 'position' | 'hash' | 'at'>): string {
  return `tenantry audit head\n${position}\n${hash}\n${at}\n`;
}

function isKeptHead(value: unknown): value is KeptHead {
  if (!isAuditHead(value) || !('at' in value) || !('signature' in value)) return false;
  return typeof value.at === 'string' && typeof value.signature === 'string';
}

export class AuditAnchor {
  readonly #options: AuditAnchorOptions;

  constructor(options: AuditAnchorOptions) {
    this.#options = options;
  }

  /**
   * Puts the head of a chain that was just found whole into the folder, once for each place: a file that is there is
   * never written again. Never rejects: a folder that is away now is there at the next check.
   */
  async keep({ position, hash }: AuditHead): Promise<void> {
    const { folder, key, log, now } = this.#options;
    const head = { position, hash, at: new Date(now()).toISOString() };
    const kept = { ...head, public_key: key.publicKey, signature: key.sign(signedText(head)) };
    const file = join(folder, `audit-head-${String(position).padStart(15, '0')}.json`);
    const unfinished = join(folder, `.audit-head.${randomBytes(6).toString('hex')}`);
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(unfinished, `${JSON.stringify(kept)}\n`, { mode: 0o644, flag: 'wx', flush: true });
      // Whole under its name or not there, and refused if it is there already.
      await link(unfinished, file).finally(() => unlink(unfinished));
    } catch (thrown) {
      const error = toError(thrown) as NodeJS.ErrnoException;
      if (error.code !== 'EEXIST')
        log.warn({ err: error }, 'the head of the audit log was not put outside the database');
    }
  }

  /** The newest heads that are there. A folder that cannot be read is a problem: the fence is down. */
  async read(): Promise<AnchoredHeads> {
    const names = await readdir(this.#options.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const newest = names.filter((name) => FILE.test(name)).sort();
    const found = await Promise.all(newest.slice(-NEWEST_READ).map((name) => this.#readFile(name)));
    return {
      heads: found.flatMap((one) => ('hash' in one ? [one] : [])),
      problems: found.flatMap((one) => ('hash' in one ? [] : [one])),
    };
  }

  async #readFile(name: string): Promise<AuditHead | AuditChainProblem> {
    const position = Number(FILE.exec(name)?.[1]);
    const text = await readFile(join(this.#options.folder, name), 'utf8');
    const kept = parsed(text);
    const isOurs =
      isKeptHead(kept) &&
      kept.position === position &&
      isSignedBy(this.#options.key.publicKey, signedText(kept), kept.signature);
    if (isOurs) return { position, hash: kept.hash };
    const detail = `The head in ${name} was not signed by this installation, or was changed afterwards.`;
    return { kind: 'rewritten', position, id: null, detail };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

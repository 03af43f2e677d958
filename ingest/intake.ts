import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  INTAKE_BUCKET_MS,
  INTAKE_FILE,
  type IngestStanding,
  type IntakeBucket,
  type IntakeFigures,
} from '../src/domain/spool-format.ts';

/** Ten minutes: what whoever compares can still want to know. */
const BUCKETS = 60;
const WRITE_EVERY_MS = 1_000;

/**
 * What was taken in and refused lately, by the time of its arrival, in a file beside the spool: the server holds it
 * against what it has loaded. Figures only; losing them costs a comparison and never a span.
 */
export class Intake {
  readonly #path: string;
  readonly #standing: () => IngestStanding;
  readonly #now: () => number;
  readonly #since: number;
  readonly #timer: NodeJS.Timeout;
  readonly #buckets = new Map<number, { spans: number; requests: number; refused: number }>();
  #writing: Promise<void> | undefined;

  constructor(folder: string, standing: () => IngestStanding, now: () => number = Date.now) {
    this.#standing = standing;
    this.#path = join(folder, INTAKE_FILE);
    this.#now = now;
    // The bucket in which a process starts is not whole: an earlier process may have begun it.
    this.#since = (Math.floor(now() / INTAKE_BUCKET_MS) + 1) * INTAKE_BUCKET_MS;
    this.#timer = setInterval(() => void this.write(), WRITE_EVERY_MS).unref();
  }

  /** @param receivedAt Unix ms, the time that is stored with the spans */
  taken(receivedAt: number, spans: number): void {
    const bucket = this.#at(receivedAt);
    bucket.spans += spans;
    bucket.requests += 1;
  }

  refused(): void {
    this.#at(this.#now()).refused += 1;
  }

  /** Puts the figures on the disk; a failure is made up for with the next time. */
  async write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }

  async #write(): Promise<void> {
    const oldest = this.#now() - BUCKETS * INTAKE_BUCKET_MS;
    for (const at of this.#buckets.keys()) if (at < oldest) this.#buckets.delete(at);
    const buckets: IntakeBucket[] = [...this.#buckets].map(([at, counts]) => ({ at, ...counts }));
    const figures: IntakeFigures = {
      ...{ since: this.#since, writtenAt: this.#now(), buckets, standing: this.#standing() },
    };
    const temporary = `${this.#path}.new`;
    try {
      await writeFile(temporary, JSON.stringify(figures));
      await rename(temporary, this.#path);
    } catch {
      // A full disk is told by the spool itself.
    }
  }

  #at(time: number): { spans: number; requests: number; refused: number } {
    const at = Math.floor(time / INTAKE_BUCKET_MS) * INTAKE_BUCKET_MS;
    const bucket = this.#buckets.get(at) ?? { spans: 0, requests: 0, refused: 0 };
    this.#buckets.set(at, bucket);
    return bucket;
  }
}

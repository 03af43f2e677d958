import { intakeWithin, type LoaderStanding } from '../domain/ingest-health.ts';
import { INTAKE_BUCKET_MS, type IntakeFigures } from '../domain/spool-format.ts';
import { floorTo, MINUTE_MS } from '../domain/window.ts';

/** Six hours: longer than a shift, and a few dozen kilobytes. */
const MINUTES = 360;
/** What a spool gained over these is the rate at which it fills. */
const GROWTH_MINUTES = 5;

/** One minute; null: not measured. */
export interface IngestMinute {
  /** Unix ms: its start. */
  readonly at: number;
  readonly spans: number | null;
  readonly refused: number | null;
  /** The most within the minute. */
  readonly spoolBytes: number | null;
  readonly waitingMs: number;
}

/** How ingest stood minute by minute since this process started. In memory: a restart begins anew, and the page says so. */
export class IngestHistory {
  readonly #since: number;
  readonly #minutes = new Map<number, IngestMinute>();

  constructor(now: number) {
    this.#since = now;
  }

  add(now: number, intake: IntakeFigures | undefined, loader: LoaderStanding): void {
    this.#put(now, intake, loader);
    // The buckets of the minute before are whole only now.
    const before = this.#minutes.get(floorTo(now, MINUTE_MS) - MINUTE_MS);
    if (before !== undefined) this.#minutes.set(before.at, { ...before, ...countsOf(intake, before.at, now) });
    for (const at of this.#minutes.keys()) if (at <= now - MINUTES * MINUTE_MS) this.#minutes.delete(at);
  }

  /** The most that the spool held in the minute some minutes ago; null: not measured. */
  spoolBefore(now: number): { readonly at: number; readonly bytes: number } | null {
    const at = floorTo(now, MINUTE_MS) - GROWTH_MINUTES * MINUTE_MS;
    const seen = [...this.#minutes.values()].filter((minute) => minute.at >= at && minute.spoolBytes !== null);
    const first = seen.toSorted((a, b) => a.at - b.at)[0];
    if (first === undefined || first.spoolBytes === null) return null;
    return { at: first.at + MINUTE_MS, bytes: first.spoolBytes };
  }

  read(): { readonly since: number; readonly minutes: readonly IngestMinute[] } {
    return { since: this.#since, minutes: [...this.#minutes.values()].toSorted((a, b) => a.at - b.at) };
  }

  #put(now: number, intake: IntakeFigures | undefined, loader: LoaderStanding): void {
    const at = floorTo(now, MINUTE_MS);
    const seen = this.#minutes.get(at);
    const bytes = intake?.standing.spool.bytes;
    this.#minutes.set(at, {
      at,
      ...countsOf(intake, at, now),
      spoolBytes: bytes === undefined ? (seen?.spoolBytes ?? null) : Math.max(bytes, seen?.spoolBytes ?? 0),
      waitingMs: Math.max(loader.oldestWaitingMs, seen?.waitingMs ?? 0),
    });
  }
}

function countsOf(intake: IntakeFigures | undefined, at: number, now: number) {
  const end = Math.min(at + MINUTE_MS, floorTo(now, INTAKE_BUCKET_MS));
  const sums = intake === undefined || end <= at ? null : intakeWithin(intake, end, end - at);
  return { spans: sums?.spans ?? null, refused: sums?.refused ?? null };
}

import {
  type DetectorRuns,
  LOOP_NAMES,
  type LoopName,
  type LoopRun,
  type LoopStanding,
} from '../api/detector-runs-ports.ts';
import { TenantryError } from '../domain/errors.ts';
import type { DetectorLoop } from './detector-loop.ts';
import type { MinuteDetectorLoop } from './minute-detector-loop.ts';

/** Of each loop: twenty minutes of the quickest one, hours of the others. */
const RUNS_KEPT = 240;

/** What a run came to; whatever is not known stays away. */
export type RunNotes = Partial<Pick<LoopRun, 'series' | 'dataUntil' | 'findings'>> & {
  /** Why nothing was judged or done; null: it was. */
  readonly skipped?: string | null;
  /** Whether this process leads; otherwise another one does the work. */
  readonly leader?: boolean;
};

interface Loop {
  readonly everyMs: number;
  readonly runs: LoopRun[];
  leader: boolean | null;
  total: number;
  skipped: number;
  failed: number;
}

/**
 * The last runs of the loops that judge and act, in memory: what they found is in the database, and how they ran is of
 * interest while they run.
 */
export class RunLog implements DetectorRuns {
  readonly #loops = new Map<LoopName, Loop>();
  readonly #now: () => number;
  readonly #elapsed: () => number;

  constructor(now: () => number = Date.now, elapsed: () => number = () => performance.now()) {
    this.#now = now;
    this.#elapsed = elapsed;
  }

  /** Makes of one run of a loop one that is recorded. `notes` is asked after it, and for nothing if it failed. */
  watched(loop: LoopName, everyMs: number, work: () => Promise<void>, notes: () => RunNotes): () => Promise<void> {
    const standing: Loop = { everyMs, runs: [], leader: null, total: 0, skipped: 0, failed: 0 };
    this.#loops.set(loop, standing);
    return async () => {
      const startedAt = this.#now();
      const begun = this.#elapsed();
      try {
        await work();
        const { leader, ...rest } = notes();
        standing.leader = leader ?? null;
        // Those who do not lead do nothing, again and again: that is no run.
        if (leader !== false) this.#add(standing, { startedAt, tookMs: this.#elapsed() - begun, ...rest });
      } catch (error) {
        // Only texts that were made to be read: others may hold statements or addresses.
        const failure = error instanceof TenantryError ? error.message : 'The run failed; the log says why.';
        this.#add(standing, { startedAt, tookMs: this.#elapsed() - begun, failure });
        throw error;
      }
    };
  }

  read(): readonly LoopStanding[] {
    return LOOP_NAMES.flatMap((name) => {
      const loop = this.#loops.get(name);
      return loop === undefined ? [] : [{ name, ...loop, runs: loop.runs.toReversed() }];
    });
  }

  #add(loop: Loop, run: Partial<LoopRun> & Pick<LoopRun, 'startedAt' | 'tookMs'>): void {
    const { series = null, dataUntil = null, findings = null, skipped = null, failure = null } = run;
    loop.runs.push({ startedAt: run.startedAt, tookMs: run.tookMs, series, dataUntil, findings, skipped, failure });
    if (loop.runs.length > RUNS_KEPT) loop.runs.shift();
    loop.total += 1;
    if (skipped !== null) loop.skipped += 1;
    if (failure !== null) loop.failed += 1;
  }
}

/** What a run of the owner's rule came to. */
export function detectorNotes(detector: Pick<DetectorLoop, 'figures'>): () => RunNotes {
  return () => {
    const { leader, suspended, tenants, dataUntil, openFindings } = detector.figures();
    return { leader, skipped: suspended, series: tenants, dataUntil, findings: openFindings };
  };
}

/** What a run of the minute detector came to. */
export function minuteNotes(detector: Pick<MinuteDetectorLoop, 'lastLook' | 'open'>, leader: boolean): RunNotes {
  const look = detector.lastLook();
  const nothingNew = look?.dataUntil === null ? 'No telemetry has arrived yet.' : 'No new whole minute.';
  return {
    ...{ leader, dataUntil: look?.dataUntil ?? null, findings: detector.open().length },
    skipped: look === undefined || look.minutes === 0 ? nothingNew : null,
  };
}

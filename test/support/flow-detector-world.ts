/** Everything around a detector loop, in memory: stories of tenants, stores that can fail, leadership that can be lost. */
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { DetectorLoop, type DetectorLoopOptions } from '../../src/app/detector-loop.ts';
import type { Action } from '../../src/control/policy.ts';
import { NO_EVIDENCE, type PolicyEvidence } from '../../src/control/policy-evidence.ts';
import type { PolicyMemory } from '../../src/control/ports.ts';
import { detectorParams } from '../../src/detect/detector-params.ts';
import type { Counts } from '../../src/detect/ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { Anomaly } from '../../src/domain/anomaly.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { NewThrottle, ThrottleRecord } from '../../src/domain/throttle-record.ts';
import { BARE_COUNTS } from './control-situation.ts';
import { at, tableAfter } from './detect-series.ts';

type Stories = Readonly<Record<string, { requests?: Counts; aiTokens?: Counts }>>;
/** A call that can be made to fail. */
type Fault = 'activity' | 'open' | 'close' | 'create' | 'ceilings' | 'conflict';

interface LogLine {
  readonly level: number;
  readonly msg: string;
}

export class DetectorWorld {
  readonly findings = new Map<string, Anomaly>();
  readonly throttles: { readonly actor: StaffActor; readonly asked: NewThrottle; readonly record: ThrottleRecord }[] =
    [];
  readonly noted: Action[] = [];
  /** Findings that people were asked about. */
  readonly asked: string[] = [];
  /** What every process of this world remembers. */
  memory: PolicyMemory = { page: null, pageSince: null, judgedUntil: null, detector: null };
  ceilings: ReadonlyMap<TenantId, number> = new Map();
  /** What decisions are made from; by default that the data is fresh, and nothing else. */
  evidence: Partial<PolicyEvidence> = {};
  readonly lines: LogLine[] = [];
  /** How often activity was read. */
  looks = 0;
  leads = true;
  /** Data ends so many intervals before the clock. */
  lateBy = 0;
  #intervals = 0;
  readonly #stories: Stories;
  readonly #failing = new Map<Fault, number>();

  constructor(stories: Stories) {
    this.#stories = stories;
  }

  /** The next `times` calls of this kind reject. */
  fail(fault: Fault, times = 1): void {
    this.#failing.set(fault, times);
  }

  openFindings(): readonly Anomaly[] {
    return [...this.findings.values()].filter(({ endedAt }) => endedAt === null);
  }

  logged(text: string): readonly LogLine[] {
    return this.lines.filter(({ msg }) => msg.includes(text));
  }

  /** A process of its own with the stores of this world. */
  loop(stateFile: string, mode: DetectorLoopOptions['mode'] = 'enforce'): DetectorLoop {
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.lines.push(JSON.parse(chunk.toString()) as LogLine);
        done();
      },
    });
    return new DetectorLoop({
      activity: {
        activity: async ({ intervals, end }) => {
          this.looks += 1;
          this.#mayFail('activity');
          if (end !== at(this.#intervals)) throw new RangeError('asked for an interval that is not over');
          return tableAfter(this.#intervals, this.#stories, intervals);
        },
        dataUntil: async () => at(this.#intervals - this.lateBy),
      },
      anomalies: {
        open: async (anomaly) => {
          this.#mayFail('open');
          this.findings.set(anomaly.id, anomaly);
          return anomaly;
        },
        update: async (anomaly) => this.findings.set(anomaly.id, anomaly).size > 0,
        close: async (anomaly, endedAt) => {
          this.#mayFail('close');
          return this.findings.set(anomaly.id, { ...anomaly, endedAt }).size > 0;
        },
        openOnes: async () => this.openFindings(),
      },
      throttles: {
        recent: async () => this.throttles.map(({ record }) => record),
        create: async (actor, asked) => this.#create(actor, asked),
        lift: async (actor, id) => this.#lift(actor, id),
      },
      evidence: {
        gather: async ({ dataUntil }) => ({
          ...NO_EVIDENCE,
          ...this.evidence,
          health: { ...NO_EVIDENCE.health, dataUntil },
        }),
      },
      journal: {
        note: async (_situation, _decision, action) => {
          this.noted.push(action);
        },
      },
      approvals: {
        ask: async ({ anomalyId }) => {
          this.asked.push(anomalyId);
        },
      },
      memory: {
        load: async () => this.memory,
        save: async (memory) => {
          this.memory = { ...memory, detector: memory.detector === undefined ? this.memory.detector : memory.detector };
        },
      },
      ceilings: async () => {
        this.#mayFail('ceilings');
        return this.ceilings;
      },
      leadership: { isLeader: async () => this.leads },
      mode,
      detectorParams: detectorParams(),
      policyParams: BARE_COUNTS,
      stateFile,
      log: pino(sink),
      now: () => this.#now(),
    });
  }

  /** Ticks after each interval from `from` to `to`; errors of single ticks are returned, not thrown. */
  async run(loop: DetectorLoop, from: number, to: number): Promise<readonly unknown[]> {
    const errors: unknown[] = [];
    for (this.#intervals = from; this.#intervals <= to; this.#intervals += 1) {
      await loop.tick().catch((error: unknown) => errors.push(error));
    }
    this.#intervals = to;
    return errors;
  }

  #now(): number {
    return at(this.#intervals) + 3_000;
  }

  #mayFail(fault: Fault): void {
    const left = this.#failing.get(fault) ?? 0;
    if (left === 0) return;
    this.#failing.set(fault, left - 1);
    throw fault === 'conflict' ? new TenantryError('CONFLICT', 'somebody was faster') : new Error(`${fault} fails`);
  }

  #lift(actor: StaffActor, id: string): ThrottleRecord | undefined {
    const index = this.throttles.findIndex(({ record }) => record.flag.id === id);
    const found = this.throttles[index];
    if (found === undefined || found.record.liftedAt !== null) return undefined;
    const record = { ...found.record, liftedAt: this.#now(), liftedBy: actor.subject };
    this.throttles[index] = { ...found, record };
    return record;
  }

  #create(actor: StaffActor, asked: NewThrottle): ThrottleRecord {
    this.#mayFail('create');
    this.#mayFail('conflict');
    const { expiresInSeconds, anomalyId = null, ...flag } = asked;
    const revision = this.throttles.length + 1;
    const expiresAt = this.#now() + expiresInSeconds * 1_000;
    const record: ThrottleRecord = {
      flag: { ...flag, kind: 'throttle', id: `throttle-${revision}`, expiresAt, revision },
      createdBy: actor.subject,
      createdAt: this.#now(),
      liftedAt: null,
      liftedBy: null,
      anomalyId,
      acks: [],
    };
    this.throttles.push({ actor, asked, record });
    return record;
  }
}

import { join } from 'node:path';
import type { Logger } from 'pino';
import { readActivity } from '../aggregate/activity-reader.ts';
import { StoredMinutes } from '../aggregate/stored-minutes.ts';
import type { Control } from '../api/control-ports.ts';
import type { Config } from '../config/config.ts';
import { expectedLoad } from '../control/known-peaks.ts';
import { detectorParams } from '../detect/detector-params.ts';
import type { StaffActor } from '../domain/actor.ts';
import { INTAKE_FILE } from '../domain/spool-format.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { AllowList } from '../store/postgres/allow-list.ts';
import type { AnomalyStore } from '../store/postgres/anomaly-store.ts';
import { ApprovalStore } from '../store/postgres/approval-store.ts';
import { CapStore } from '../store/postgres/cap-store.ts';
import { BacktestStore } from '../store/postgres/control-backtests.ts';
import { ControlSwitchStore } from '../store/postgres/control-switch-store.ts';
import { DetectorStateStore } from '../store/postgres/detector-state-store.ts';
import type { FlagFeed } from '../store/postgres/flag-feed.ts';
import { TenantStateStore } from '../store/postgres/lifecycle-state.ts';
import { PeaksStore } from '../store/postgres/peaks-store.ts';
import { PlanTermsReader } from '../store/postgres/plan-terms.ts';
import { PolicyFacts } from '../store/postgres/policy-facts.ts';
import { PolicyJournal } from '../store/postgres/policy-journal.ts';
import { PolicyStateStore } from '../store/postgres/policy-state-store.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { PromotionStore } from '../store/postgres/promotion-store.ts';
import type { ThrottleStore } from '../store/postgres/throttle-store.ts';
import { approvalAsker } from './control-approvals.ts';
import { BacktestRunner } from './control-backtest-runner.ts';
import { BudgetBurnLoop } from './control-budget-burn.ts';
import { decisionChains } from './control-chain.ts';
import { DataHealthReader } from './control-data-health.ts';
import { decisionJournal } from './control-journal.ts';
import { KillSwitch } from './control-kill-switch.ts';
import { PromotionDesk } from './control-promotion.ts';
import { ACTING_RULES, ruleHash, ruleHashes, ruleSetOf } from './control-rules.ts';
import { schemaChangedAt } from './control-schema.ts';
import type { TenantMemory } from './deletion-memory.ts';
import { DetectorLoop } from './detector-loop.ts';
import { detectorNotes, minuteNotes, type RunLog } from './detector-runs.ts';
import { LATE_BATCH_MS, lateTenantMs } from './late-tenants.ts';
import { PostgresLeadership } from './leadership.ts';
import { MinuteDetectorLoop } from './minute-detector-loop.ts';
import type { Neighbors } from './neighbors.ts';
import { PolicyEvidenceReader } from './policy-evidence.ts';
import { policyParamsOf } from './policy-settings.ts';
import { PolicyTerms } from './policy-terms.ts';
import type { AiCosts } from './prices-costs.ts';
import { recentThrottles } from './recent-throttles.ts';
import { runEvery, type Schedule } from './schedule.ts';
import { zoneOffset } from './spend-zones.ts';

const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };
const MINUTE_DETECTOR_EVERY_MS = 10 * SECOND_MS;
const BACKTESTS_EVERY_MS = 2 * SECOND_MS;

export interface ControlOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly dataDir: string;
  readonly clickhouse: ClickHouse;
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly anomalies: AnomalyStore;
  readonly throttles: ThrottleStore;
  readonly flags: FlagFeed;
  readonly neighbors: Neighbors;
  /** What AI cost tenants in a window, for the burn of their budgets. */
  readonly aiCosts: Pick<AiCosts, 'byTenant'>;
  /** Unix ms up to which everything that arrived is counted; null: nothing has arrived. */
  readonly dataUntil: () => number | null;
  /** Told of every run. */
  readonly runs: RunLog;
}

export interface RunningControl {
  readonly control: Control;
  readonly approvals: ApprovalStore;
  readonly detector: DetectorLoop;
  /** What detectors know of tenants. */
  readonly memories: readonly TenantMemory[];
  /** Reads the kill switch; before any flag is told. */
  readonly prepare: () => Promise<void>;
  /** Begins to judge and to act. */
  readonly run: () => void;
  readonly stop: () => Promise<void>;
}

/** Tenants that are closed are nobody's neighbours any more, whatever trickles in of theirs. */
function without<Id extends string, Value>(tenants: ReadonlyMap<Id, Value>, closed: ReadonlySet<string>) {
  return closed.size === 0 ? tenants : new Map([...tenants].filter(([tenantId]) => !closed.has(tenantId)));
}

/** Detectors, policy and what people tell it, joined to their stores. */
export function startControl(options: ControlOptions): RunningControl {
  const { config, log, dataDir, clickhouse, postgres, postgresUrl, anomalies, throttles } = options;
  const params = policyParamsOf(config);
  const hashes = ruleHashes(params);
  const journal = new PolicyJournal(postgres);
  const allowList = new AllowList(postgres);
  const promotions = new PromotionStore(postgres);
  const approvals = new ApprovalStore(postgres);
  const peaks = new PeaksStore(postgres);
  const backtests = new BacktestStore(postgres);
  const terms = planTerms(postgres, config);
  const killSwitch = joinedKillSwitch(options);
  const facts = new PolicyFacts(postgres);
  const states = new TenantStateStore(postgres);

  const leadership = new PostgresLeadership(postgresUrl, 'detector');
  const detector = new DetectorLoop({
    activity: {
      activity: async (question) => {
        const table = await readActivity(clickhouse, question);
        return { ...table, tenants: without(table.tenants, await states.closed()) };
      },
      dataUntil: async () => options.dataUntil(),
    },
    anomalies,
    throttles: {
      recent: recentThrottles(throttles),
      create: (actor, throttle) => throttles.create(actor, throttle),
      lift: (actor, id) => throttles.lift(actor, id),
    },
    evidence: new PolicyEvidenceReader({
      clickhouse,
      neighbors: options.neighbors,
      firstSeen: (tenants) => facts.firstSeen(tenants),
      allowList: () => allowList.list(DETECTOR),
      held: () => states.held(),
      killSwitch: () => killSwitch.state(),
      health: new DataHealthReader({
        clickhouse,
        intakeFile: join(dataDir, 'spool', INTAKE_FILE),
        unnamedAfterMs: lateTenantMs(config) === 0 ? 0 : lateTenantMs(config) + LATE_BATCH_MS,
        schemaChangedAt: () => schemaChangedAt(clickhouse),
      }),
      terms,
      peaks: async (now) => expectedLoad(await peaks.list(DETECTOR), now, zoneOffset),
      ruleStages: () => promotions.current(DETECTOR, hashes),
      tenantStages: () => promotions.tenantStages(DETECTOR),
      approvals: (ids) => approvals.ofFindings(DETECTOR, ids),
      victimsBefore: (ids) => journal.victimsBefore(ids),
      noteEffect: (throttleId, p95Ms) => journal.noteEffect(throttleId, p95Ms),
    }),
    journal: decisionJournal(journal),
    approvals: approvalAsker(approvals, params),
    memory: new PolicyStateStore(postgres),
    ceilings: (tenants, now) => terms.ceilings(tenants, now),
    leadership,
    mode: config.TENANTRY_AUTO_THROTTLE,
    detectorParams: detectorParams(
      { ratio: config.TENANTRY_DETECT_RATIO, minHistorySeconds: config.TENANTRY_DETECT_MIN_HISTORY_SECONDS },
      config.TENANTRY_DETECT_RESOLUTION_SECONDS,
    ),
    policyParams: params,
    stateFile: join(dataDir, 'detector-state.json'),
    log,
  });

  const minuteLeadership = new PostgresLeadership(postgresUrl, 'minute-detector');
  const storedMinutes = new StoredMinutes(clickhouse);
  const minuteDetector = new MinuteDetectorLoop({
    minutes: async (window) => {
      const closed = await states.closed();
      const minutes = await storedMinutes.read(window);
      return minutes.map((one) => ({
        ...one,
        tenants: without<string, ReadonlyMap<string, number>>(one.tenants, closed),
      }));
    },
    dataUntil: async () => options.dataUntil(),
    anomalies,
    states: new DetectorStateStore(postgres),
    leadership: minuteLeadership,
    log,
  });

  // Its own: two that ask one lease for the lead at the same time would lose it between them.
  const burnLeadership = new PostgresLeadership(postgresUrl, 'budget-burn');
  const burn = new BudgetBurnLoop({
    leadership: burnLeadership,
    caps: new CapStore(postgres),
    costs: (window, tenants) => options.aiCosts.byTenant(window, tenants),
    dataUntil: options.dataUntil,
    anomalies,
    log,
  });
  const runner = new BacktestRunner({ backtests, clickhouse, params, log });
  const schedules: Schedule[] = [];
  return {
    control: {
      killSwitch,
      allowList,
      promotions: new PromotionDesk({
        ...{ promotions, approvals, backtests, params, hashes },
        mode: config.TENANTRY_AUTO_THROTTLE,
      }),
      tenants: promotions,
      approvals,
      peaks,
      backtests: {
        list: (actor, filter) => backtests.list(actor, filter),
        get: (actor, id) => backtests.get(actor, id),
        ask: async (actor, rule, question) => {
          ruleSetOf(rule);
          return backtests.ask(actor, rule, ruleHash(rule, { ...params, ...question.draft }), question);
        },
        cancel: (actor, id) => backtests.cancel(actor, id),
      },
      decisions: decisionChains({ journal, anomalies, throttles }),
    },
    approvals,
    detector,
    memories: [detector, minuteDetector],
    prepare: async () => {
      await killSwitch.start();
      await promotions.meet(ACTING_RULES);
    },
    run: () => {
      const { runs } = options;
      const everyMs = config.TENANTRY_DETECT_INTERVAL_SECONDS * SECOND_MS;
      const ownerRule = runs.watched('owner-rule', everyMs, () => detector.tick(), detectorNotes(detector));
      const minutes = runs.watched(
        'minute-detector',
        MINUTE_DETECTOR_EVERY_MS,
        () => minuteDetector.tick(),
        () => minuteNotes(minuteDetector, minuteLeadership.leads),
      );
      const budgets = runs.watched(
        'budget-burn',
        MINUTE_MS,
        () => burn.tick(),
        () => ({
          ...{ leader: burnLeadership.leads, dataUntil: options.dataUntil() },
        }),
      );
      schedules.push(
        runEvery(everyMs, 'detector', log, ownerRule),
        runEvery(MINUTE_DETECTOR_EVERY_MS, 'minute-detector', log, minutes),
        runEvery(MINUTE_MS, 'budget-burn', log, budgets),
        runEvery(BACKTESTS_EVERY_MS, 'backtests', log, () => runner.tick()),
      );
    },
    stop: async () => {
      killSwitch.stop();
      runner.stop();
      await Promise.all(schedules.map((schedule) => schedule.stop()));
      await minuteDetector.save();
      await minuteLeadership.release();
      await burnLeadership.release();
      await leadership.release();
    },
  };
}

function planTerms(postgres: Postgres, config: Config): PolicyTerms {
  const reader = new PlanTermsReader(postgres);
  return new PolicyTerms((tenants) => reader.terms(tenants), config.TENANTRY_THROTTLE_APPROVAL_PLANS);
}

/** The switch of this server, told to its apps and to the other servers, and hearing of theirs. */
function joinedKillSwitch({ config, log, dataDir, postgres, flags }: ControlOptions) {
  const store = new ControlSwitchStore(postgres);
  const own = new KillSwitch({
    file: join(dataDir, 'kill-switch'),
    forced: config.TENANTRY_KILL_SWITCH,
    log,
    shared: store,
  });
  own.onChange((on) => flags.withholdAutomatic(on));
  flags.onKillSwitch((shared) => own.hear(shared));
  return Object.assign(own, {
    reach: (actor: StaffActor, revision: number) => store.reach(actor, revision),
  });
}

import type { UsedMinute } from '../aggregate/pool-use-reader.ts';
import type { PolicyParams } from '../control/policy.ts';
import type { ImpactVerdict, TenantFacts } from '../control/policy-evidence.ts';
import { PolicyReplay } from '../control/policy-replay.ts';
import { BLAME_DEFAULTS, PoolBlame } from '../detect/blame/pool-blame.ts';
import { type MeasuredMinute, MinuteDetector } from '../detect/minute-detector.ts';
import type { RuleSetName } from '../detect/rule-sets.ts';
import type { MinuteFinding } from '../detect/tenant-minutes.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import type { BacktestLabel, BacktestResult, WouldThrottle } from '../domain/backtest.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { floorTo, MINUTE_MS, SECOND_MS, type Window } from '../domain/window.ts';
import { scoreThrottles } from './backtest-score.ts';
import { anomalyOf, keyOf } from './minute-anomaly.ts';
import { findingOf } from './policy-findings.ts';

export interface PolicyBacktest {
  /** What is judged. */
  readonly window: Window;
  /** Before it, so that its first minutes have a usual to be compared with. */
  readonly historyMs: number;
  readonly rules: RuleSetName;
  /** As in findings. */
  readonly rule: string;
  readonly params: PolicyParams;
  readonly labels: readonly BacktestLabel[] | null;
  /** Every measured whole minute of a window, oldest first. */
  readonly minutes: (window: Window) => Promise<readonly MeasuredMinute[]>;
  /** The same minutes by service, for who hurt whom. */
  readonly pools: (window: Window) => Promise<ReadonlyMap<string, readonly UsedMinute[]>>;
  /** Called after each part, 0 to 1; false ends it. */
  readonly onProgress: (share: number) => Promise<boolean>;
}

const BATCH_MS = 120 * MINUTE_MS;
const BLAME_HISTORY_MS = (BLAME_DEFAULTS.baseline.historyMinutes + BLAME_DEFAULTS.baseline.lagMinutes) * MINUTE_MS;
/** Requests a minute are averaged over so many for what a tenant usually sends. */
const USUAL_MINUTES = 60;
const EXAMPLES = 100;

/** Ended because nobody wants it any more. */
export class BacktestCancelled extends Error {}

/**
 * Replays stored minutes through the detectors, the blame and the policy of production.
 * @throws BacktestCancelled when `onProgress` says so
 */
export async function backtestPolicy(options: PolicyBacktest): Promise<BacktestResult> {
  const { window, historyMs, labels, minutes, pools, onProgress } = options;
  const run = new Replay(options);
  const from = floorTo(window.from - historyMs, MINUTE_MS);
  for (let at = from; at < window.to; at += BATCH_MS) {
    const part = { from: at, to: Math.min(window.to, at + BATCH_MS) };
    const needsBlame = part.to > window.from - BLAME_HISTORY_MS;
    run.blame(needsBlame ? await pools(part) : new Map());
    for (const minute of await minutes(part)) run.minute(minute);
    if (!(await onProgress((part.to - from) / (window.to - from)))) throw new BacktestCancelled();
  }
  return run.result(labels);
}

class Replay {
  readonly #options: PolicyBacktest;
  readonly #detector: MinuteDetector;
  readonly #policy: PolicyReplay;
  readonly #blames = new Map<string, PoolBlame>();
  readonly #verdicts = new Map<number, ImpactVerdict[]>();
  readonly #open = new Map<string, Anomaly>();
  readonly #firstSeen = new Map<string, number>();
  readonly #usual = new Map<string, number[]>();
  readonly #tenants = new Set<string>();
  readonly #heldBack = new Map<string, Set<string>>();
  readonly #throttles: WouldThrottle[] = [];
  /** Findings that led to a throttle, and the place of that one. */
  readonly #begun = new Map<string, number>();
  #ids = 0;
  #minutes = 0;
  #findings = 0;
  #now = 0;

  constructor(options: PolicyBacktest) {
    this.#options = options;
    this.#policy = new PolicyReplay(options.params);
    this.#detector = new MinuteDetector(options.rules, (finding) => this.#heard(finding));
  }

  blame(pools: ReadonlyMap<string, readonly UsedMinute[]>): void {
    for (const [service, used] of pools) {
      const blame = this.#blames.get(service) ?? new PoolBlame();
      this.#blames.set(service, blame);
      for (const { at, uses } of used) {
        const verdict = blame.minute(at, uses);
        if (verdict === undefined) continue;
        const list = this.#verdicts.get(at) ?? [];
        const suspects = verdict.suspects.map(({ tenantId }) => tenantId);
        list.push({ at, resource: service, kind: verdict.kind, suspects, victims: verdict.victims });
        this.#verdicts.set(at, list);
      }
    }
  }

  minute(minute: MeasuredMinute): void {
    const at = minute.minute * MINUTE_MS;
    // A finding is known when its minute is over and loaded.
    this.#now = at + MINUTE_MS + 5 * SECOND_MS;
    for (const tenant of minute.tenants.keys()) if (!this.#firstSeen.has(tenant)) this.#firstSeen.set(tenant, at);
    this.#detector.observe(minute);
    const isJudged = at >= this.#options.window.from;
    if (isJudged) {
      this.#minutes += 1;
      for (const tenant of minute.tenants.keys()) this.#tenants.add(tenant);
      this.#decide(minute, at);
    }
    this.#verdicts.delete(at);
    this.#remember(minute);
  }

  result(labels: readonly BacktestLabel[] | null): BacktestResult {
    const tenantMinutes = this.#minutes * this.#tenants.size;
    const { throttles, ...score } = scoreThrottles(this.#throttles, labels, tenantMinutes);
    return {
      ...{ minutes: this.#minutes, tenants: this.#tenants.size, findings: this.#findings },
      heldBack: Object.fromEntries([...this.#heldBack].map(([guard, ids]) => [guard, ids.size])),
      throttles: throttles.length,
      examples: throttles.slice(0, EXAMPLES),
      ...score,
    };
  }

  #heard(finding: MinuteFinding): void {
    const key = keyOf(finding.tenantId, finding.metric);
    if (finding.change === 'ended') {
      this.#open.delete(key);
      return;
    }
    const known = this.#open.get(key);
    if (known === undefined) this.#ids += 1;
    const anomaly = anomalyOf(finding, known?.id ?? `replayed-${this.#ids}`, this.#options.rule);
    if (anomaly === undefined) return;
    if (known === undefined && anomaly.detectedAt > this.#options.window.from) this.#findings += 1;
    this.#open.set(key, anomaly);
  }

  #decide(minute: MeasuredMinute, at: number): void {
    const findings = [...this.#open.values()].map((anomaly) => findingOf(anomaly, this.#usualOf(anomaly.tenantId)));
    const requests = (tenant: string) => (minute.tenants.get(tenant)?.get('requests') ?? 0) / 60;
    const total = [...minute.tenants.keys()].reduce((sum, tenant) => sum + requests(tenant), 0);
    const actions = this.#policy.at({
      now: this.#now,
      findings,
      verdicts: this.#verdicts.get(at) ?? [],
      tenants: [...new Set(findings.map(({ anomaly }) => anomaly.tenantId))].map(
        (tenantId): TenantFacts => ({
          tenantId,
          historySeconds: (this.#now - (this.#firstSeen.get(tenantId) ?? this.#now)) / SECOND_MS,
          requestsPerSecond: requests(tenantId),
          ...{
            sources: [],
            guaranteedRequestsPerSecond: null,
            weightShare: null,
            guardedBecause: null,
            passedCeiling: null,
          },
        }),
      ),
      activeTenants: minute.tenants.size,
      requestsPerSecond: total === 0 ? null : total,
    });
    for (const action of actions) {
      if (action.kind === 'alert' || action.kind === 'ask') {
        const ids = this.#heldBack.get(action.heldBackBy) ?? new Set();
        this.#heldBack.set(action.heldBackBy, ids.add(action.anomalyId));
      }
      if (action.kind !== 'throttle' || action.throttle.mode === 'shadow') continue;
      const { tenantId, limit, reason, anomalyId = '', expiresInSeconds } = action.throttle;
      // One that goes on is no new act.
      if (this.#goesOn(anomalyId, expiresInSeconds)) continue;
      this.#begun.set(anomalyId, this.#throttles.length);
      const metric = [...this.#open.values()].find(({ id }) => id === anomalyId)?.metric ?? '';
      const { requestsPerSecond } = limit;
      const would = { tenantId, at: this.#now, metric, requestsPerSecond, seconds: expiresInSeconds, reason };
      this.#throttles.push({ ...would, right: null });
    }
  }

  /** Whether the finding's throttle began before; it then holds for longer. */
  #goesOn(anomalyId: string, seconds: number): boolean {
    const place = this.#begun.get(anomalyId);
    const begun = place === undefined ? undefined : this.#throttles[place];
    if (place === undefined || begun === undefined) return false;
    this.#throttles[place] = { ...begun, seconds: (this.#now - begun.at) / SECOND_MS + seconds };
    return true;
  }

  #usualOf(tenant: string): number | null {
    const counts = this.#usual.get(tenant);
    if (counts === undefined || counts.length === 0) return null;
    return counts.reduce((sum, count) => sum + count, 0) / counts.length / 60;
  }

  /** Not while something is open: a surge is not what a tenant usually does. */
  #remember({ tenants }: MeasuredMinute): void {
    const surging = new Set([...this.#open.values()].map(({ tenantId }) => tenantId));
    for (const [tenant, metrics] of tenants) {
      const tenantId = parseTenantId(tenant);
      if (tenantId === undefined || surging.has(tenantId)) continue;
      const counts = this.#usual.get(tenant) ?? [];
      counts.push(metrics.get('requests') ?? 0);
      if (counts.length > USUAL_MINUTES) counts.shift();
      this.#usual.set(tenant, counts);
    }
  }
}

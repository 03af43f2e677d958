import { type MeasuredMinute, MinuteDetector } from '../detect/minute-detector.ts';
import type { RuleSetName } from '../detect/rule-sets.ts';
import type { MinuteFinding } from '../detect/tenant-minutes.ts';
import { floorTo, MINUTE_MS, type Window } from '../domain/window.ts';
import { type BacktestEvent, eventOf } from './backtest-series.ts';

/** Minutes of one question to the store. */
const BATCH_MINUTES = 120;

export interface StoredBacktest {
  /** What is judged. */
  readonly window: Window;
  /** Before it, so that its first minutes have a usual to be compared with; findings of that time are not told. */
  readonly historyMs: number;
  readonly rules: RuleSetName;
  /** Only this tenant's findings; undefined: everybody's. */
  readonly tenantId: string | undefined;
  /** Every measured whole minute of a window, oldest first. */
  readonly minutes: (window: Window) => Promise<readonly MeasuredMinute[]>;
}

export interface StoredBacktestReport {
  readonly events: readonly BacktestEvent[];
  readonly minutes: number;
  readonly tenants: number;
  /** Measured minutes of the window times the tenants that were seen in it. */
  readonly tenantMinutes: number;
}

/** Replays the stored minute rollups through the detectors of production. */
export async function backtestStored(options: StoredBacktest): Promise<StoredBacktestReport> {
  const { window, historyMs, rules, tenantId, minutes } = options;
  const events: BacktestEvent[] = [];
  const take = (finding: MinuteFinding) => {
    const isOurs = tenantId === undefined || finding.tenantId === tenantId;
    if (finding.change !== 'ended' || !isOurs) return;
    if (finding.departure.detectedAt * MINUTE_MS > window.from) events.push(eventOf(finding));
  };
  const detector = new MinuteDetector(rules, take);
  const tenants = new Set<string>();
  let measured = 0;
  const stepMs = BATCH_MINUTES * MINUTE_MS;
  for (let from = floorTo(window.from - historyMs, MINUTE_MS); from < window.to; from += stepMs) {
    for (const minute of await minutes({ from, to: Math.min(window.to, from + stepMs) })) {
      detector.observe(minute);
      if (minute.minute * MINUTE_MS < window.from) continue;
      measured += 1;
      for (const tenant of minute.tenants.keys())
        if (tenantId === undefined || tenant === tenantId) tenants.add(tenant);
    }
  }
  detector.finish();
  events.sort((one, other) => one.detected_at - other.detected_at || (one.tenant_id < other.tenant_id ? -1 : 1));
  return { events, minutes: measured, tenants: tenants.size, tenantMinutes: measured * tenants.size };
}

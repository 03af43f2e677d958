import { LatencyWatch } from '../../src/detect/latency.ts';
import { SurgeWatch } from '../../src/detect/surge.ts';
import { readState, stateBytes, writeState } from '../../src/detect/watch-codec.ts';
import { clientTokens, type NabFile, nabFiles } from '../support/detect-data.ts';
import { type LatencyTenant, latencyTenant } from '../support/detect-latency.ts';
import { NAB_STANDARD, nabScore } from '../support/detect-nab.ts';
import type { ReplayTenant } from '../support/detect-replay.ts';
import { alarmsOf, emitted } from '../support/detect-run.ts';
import { DAY, type PlainTenant } from '../support/detect-tenants.ts';
import { tokenTenant } from '../support/detect-tokens.ts';
import { figure, type Gate, verdictOf, worst } from './detect-table.ts';
import { median, print } from './measure.ts';

const MONTH = 30 * DAY;
const AFTERMATH = 30;

interface Scored {
  found: number;
  events: number;
  falseAlarms: number;
  months: number;
}

interface Timed {
  readonly detected: number;
  readonly ended: number;
}

interface Judged {
  readonly scoredFrom: number;
  readonly events: LatencyTenant['events'];
  readonly length: number;
}

/** Adds one tenant's findings (minutes of the series) to a sum. */
function score(sum: Scored, { scoredFrom, events, length }: Judged, findings: readonly Timed[]): void {
  const scored = findings.filter(({ detected }) => detected >= scoredFrom);
  const anomalies = events.filter(({ anomaly }) => anomaly);
  sum.months += (length - scoredFrom) / MONTH;
  sum.events += anomalies.length;
  sum.found += anomalies.filter(({ from, to }) =>
    scored.some(({ detected }) => detected >= from && detected <= to),
  ).length;
  sum.falseAlarms += scored.filter(
    ({ detected, ended }) => !anomalies.some(({ from, to }) => detected < to + AFTERMATH && ended > from),
  ).length;
}

const empty = (): Scored => ({ found: 0, events: 0, falseAlarms: 0, months: 0 });
const told = ({ found, events, falseAlarms, months }: Scored) =>
  `${figure(found / events, 3)} @ ${figure(falseAlarms / months)} (${events} events)`;

function relative(start: number, findings: ReturnType<typeof emitted>, metric?: string): Timed[] {
  return alarmsOf(findings, metric).map(({ detected, ended }) => ({
    detected: detected - start,
    ended: ended - start,
  }));
}

/** Gate 12: a p95 that doubles, judged with the requests that it was made of. */
export function latencyGate(plain: readonly PlainTenant[], seed: number): Gate {
  const all = empty();
  const byVolume = new Map([
    ['10-100/min', empty()],
    ['>100/min', empty()],
    ['<10/min (not in the gate)', empty()],
  ]);
  for (const tenant of plain) {
    const made = latencyTenant(tenant, seed, 0.25);
    const findings = emitted({
      id: made.id,
      start: made.start,
      metrics: { requests: made.requests, p95_ms: made.p95 },
    });
    const timed = relative(made.start, findings, 'p95_ms');
    const judged = { ...made, events: heard(made), length: made.p95.length };
    const volume = made.volume < 10 ? '<10/min (not in the gate)' : made.volume < 100 ? '10-100/min' : '>100/min';
    const sum = byVolume.get(volume);
    if (sum !== undefined) score(sum, judged, timed);
    if (made.volume >= 10) score(all, judged, timed);
  }
  for (const [volume, sum] of byVolume) print(`  p95 doubling, ${volume}: recall @ false/TM ${told(sum)}`);
  const verdict = worst(
    verdictOf(all.found / all.events, 0.85, 0.92, 'higher'),
    verdictOf(all.falseAlarms / all.months, 2, 1.2, 'lower'),
  );
  return {
    number: 12,
    measure: 'p95 doubling, >= 10 req/min: recall @ false/TM',
    floor: '.85 @ 2',
    firstClass: '.92 @ 1.2',
    measured: told(all),
    verdict,
  };
}

/** Anomalies with so few requests that no percentile shows them are not scored; everything else stays. */
function heard({ events, requests }: LatencyTenant): LatencyTenant['events'] {
  return events.filter(
    ({ anomaly, from, to }) => !anomaly || requests.subarray(from, to).reduce((sum, one) => sum + one, 0) >= 60,
  );
}

/** No gate of the bar, but told: dearer calls at an unchanged count. */
export function printTokens(plain: readonly PlainTenant[], seed: number): void {
  const means = clientTokens();
  const sum = empty();
  for (const tenant of plain) {
    const mean = means.get(tenant.id);
    if (mean === undefined) continue;
    const made = tokenTenant(tenant, mean, seed, 0.25);
    const findings = emitted({
      id: made.id,
      start: made.start,
      metrics: { requests: made.requests, ai_tokens: made.tokens },
    });
    const perRequest = relative(made.start, findings, 'ai_tokens_per_request');
    score(sum, { ...made, length: made.tokens.length }, perRequest);
  }
  print(`  4x tokens per request, found on tokens per request: recall @ false/TM ${told(sum)}`);
}

function detections(file: NabFile): number[] {
  const start = Math.floor((file.times[0] ?? 0) / 60);
  const length = Math.floor((file.times.at(-1) ?? 0) / 60) - start + 1;
  const values = new Float64Array(length).fill(Number.NaN);
  file.times.forEach((time, index) => {
    values[Math.floor(time / 60) - start] = file.values[index] ?? Number.NaN;
  });
  const found = alarmsOf(emitted({ id: file.name, start, metrics: { value: values } }));
  // A finding counts at the row whose minute settled it.
  return found.map(({ detected }) => file.times.findLastIndex((time) => Math.floor(time / 60) < detected));
}

/** Gate 11, on the files that are here; half of them tuned the detector first, then all. */
export function nabGate(): Gate {
  const files = nabFiles();
  const found = new Map(files.map((file) => [file.name, detections(file)]));
  const scoreOf = (some: readonly NabFile[]) => nabScore(some, ({ name }) => found.get(name) ?? [], NAB_STANDARD);
  const all = scoreOf(files);
  const halves = [0, 1].map((half) => scoreOf(files.filter((_, index) => index % 2 === half)));
  return {
    number: 11,
    measure: `NAB standard, ${files.length} files (halves: ${halves.map((half) => figure(half, 1)).join(', ')})`,
    floor: '>= 40',
    firstClass: '>= 50',
    measured: figure(all, 1),
    verdict: verdictOf(all, 40, 50, 'higher'),
  };
}

const LIVE_SERIES = 100_000;
const TICKS = 5;

/** Gate 15: one minute of a hundred thousand live series, each of them last touched a minute ago. */
export function costGate(): Gate {
  const before = memory();
  const watches = Array.from({ length: LIVE_SERIES }, () => new SurgeWatch());
  const ticks: number[] = [];
  const start = 29_000_000;
  for (let tick = 0; tick < TICKS + 3; tick += 1) {
    const startedAt = process.hrtime.bigint();
    for (const [index, watch] of watches.entries()) watch.observe(start + tick, 50 + ((index + tick) % 13));
    if (tick >= 3) ticks.push(Number(process.hrtime.bigint() - startedAt) / 1e3 / LIVE_SERIES);
  }
  const bytes = (memory() - before) / LIVE_SERIES;
  const cost = median(ticks);
  print(
    `  a tick of ${LIVE_SERIES} series: ${figure((cost * LIVE_SERIES) / 1e3, 0)} ms; saved: ${stateBytes(new SurgeWatch().state)} bytes a series`,
  );
  return {
    number: 15,
    measure: 'cost per evaluation; state per series',
    floor: '5 us; 8 kB',
    firstClass: '1 us; 5 kB',
    measured: `${figure(cost)} us; ${figure(bytes / 1e3, 1)} kB`,
    verdict: worst(verdictOf(cost, 5, 1, 'lower'), verdictOf(bytes, 8_000, 5_000, 'lower')),
  };
}

function memory(): number {
  global.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Gate 16: a detector that is saved and restored in the middle of a replay says what one says that ran through. */
export function restartGate(tenants: readonly ReplayTenant[]): Gate {
  const runs = (restart: boolean) => tenants.map((tenant) => opened(tenant, restart)).join('\n');
  const whole = runs(false);
  const same = runs(false) === whole;
  const kept = runs(true) === whole;
  return {
    number: 16,
    measure: 'restart keeps state; replay deterministic',
    floor: 'yes',
    firstClass: 'yes',
    measured: `${kept ? 'yes' : 'no'}; ${same ? 'yes' : 'no'}`,
    verdict: kept && same ? 'first class' : 'MISSED',
  };
}

function opened({ values, start }: ReplayTenant, restart: boolean): string {
  let watch = new SurgeWatch();
  let latency = new LatencyWatch();
  const lines: string[] = [];
  values.forEach((value, index) => {
    if (Number.isNaN(value)) return;
    if (restart && index % 1_000 === 999) {
      watch = restored(watch, new SurgeWatch());
      latency = restored(latency, new LatencyWatch());
    }
    if (watch.observe(start + index, value) !== 'none') lines.push(`${index} ${JSON.stringify(watch.departure())}`);
    if (latency.observe(start + index, value, value) !== 'none')
      lines.push(`${index} ${JSON.stringify(latency.departure())}`);
  });
  return lines.join('\n');
}

function restored<W extends { readonly state: object }>(from: W, into: W): W {
  const view = new DataView(new ArrayBuffer(stateBytes(from.state)));
  writeState(from.state, view, 0);
  readState(into.state, view, 0);
  return into;
}

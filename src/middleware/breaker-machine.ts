/**
 * One breaker as data and pure rules: the clock and the dice are passed in.
 *
 *   (no cell) --a failure--> closed --enough failures--> open --its wait is over--> half-open --probes ok--> closed
 *                              |                          ^                            |
 *          nothing failed any more: (no cell)             +----------probe failed------+   twice the wait
 *
 * A breaker of which no failure is known carries no information and has no cell: healthy tenants cost nothing. The
 * share of failures is therefore counted from a first failure on, which overstates it by at most one call in
 * `minimumCalls`.
 *
 * cockatiel's policy was here before. Its wait runs on the wall clock (a clock set back keeps it open), a probe that
 * hangs holds it half-open for good, callers queue behind the probe, a call from before an outage can open it after,
 * its windows are only turned by calls, and it takes about 2 KB where a cell takes some 200 bytes. It remains the
 * reference of the tests for the rules that both share.
 */
import type { BreakerPhase } from '../domain/breaker.ts';
import type { BreakerRules } from './breaker-rules.ts';

/** Evidence of one tenant, over a window that slides: the last one weighs by how much of it is still inside. */
interface ClosedCell {
  readonly phase: 'closed';
  /** Calls admitted before this moment belong to an earlier outage. */
  readonly closedAt: number;
  run: number;
  windowStart: number;
  calls: number;
  failures: number;
  previousCalls: number;
  previousFailures: number;
  usedAt: number;
}

export interface OpenCell {
  readonly phase: 'open';
  readonly since: number;
  /** End of the wait; from then on one call at a time is let through. */
  until: number;
  /** Waits in a row that ended without closing it, this one included. */
  attempt: number;
  /** Changes with every probe, so that a late answer of an older one is not taken for its answer. */
  probe: number;
  /** When the running probe was let through; -1: none runs. */
  probeAt: number;
  goodProbes: number;
  /** What opened it. */
  readonly calls: number;
  readonly failures: number;
  usedAt: number;
}

export type BreakerCell = ClosedCell | OpenCell;

/** `void`: the call ended without saying anything about the integration (its caller gave up). */
export type Outcome = 'ok' | 'failed' | 'void';

/** Right to call once. `probe` 0: an ordinary call. */
export interface Ticket {
  readonly probe: number;
  readonly admittedAt: number;
}

/** How long a breaker that closed again remembers when, to recognise calls from before. */
const REMEMBER_CLOSING_MS = 600_000;

export function phaseOf(cell: BreakerCell | undefined, now: number): BreakerPhase {
  if (cell === undefined || cell.phase === 'closed') return 'closed';
  return now < cell.until ? 'open' : 'half_open';
}

function waitMs(rules: BreakerRules, attempt: number, random: number): number {
  const doubled = Math.min(rules.longestOpenMs, rules.openMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(doubled * (1 + rules.jitter * random));
}

/** A probe that has run too long is taken for failed when somebody else wants to call: nothing waits for it. */
function giveUpHungProbe(cell: OpenCell, rules: BreakerRules, now: number, random: number): void {
  if (cell.probeAt >= 0 && now - cell.probeAt >= rules.probeTimeoutMs) reopen(cell, rules, now, random);
}

/**
 * Asks whether a call may be made now. Undefined: refused.
 * @param random 0 to 1
 */
export function admit(
  cell: BreakerCell | undefined,
  rules: BreakerRules,
  now: number,
  random: number,
): Ticket | undefined {
  if (cell === undefined) return { probe: 0, admittedAt: now };
  cell.usedAt = now;
  if (cell.phase === 'closed') return { probe: 0, admittedAt: now };
  giveUpHungProbe(cell, rules, now, random);
  if (now < cell.until || cell.probeAt >= 0) return undefined;
  cell.probe += 1;
  cell.probeAt = now;
  return { probe: cell.probe, admittedAt: now };
}

/**
 * Takes in how a call ended. Returns the cell from now on; undefined: nothing is left to remember.
 * @param ticket what `admit` gave the call
 */
export function settle(
  cell: BreakerCell | undefined,
  rules: BreakerRules,
  ticket: Ticket,
  outcome: Outcome,
  now: number,
  random: number,
): BreakerCell | undefined {
  if (cell?.phase === 'open') return settleProbe(cell, rules, ticket, outcome, now, random);
  // A probe whose breaker has been closed or forgotten meanwhile tells nothing about calls of today.
  if (outcome === 'void' || ticket.probe !== 0) return cell;
  if (cell === undefined) {
    if (outcome === 'ok') return undefined;
    return judge(count(emptyCell(now, Number.NEGATIVE_INFINITY), outcome), rules, now, random);
  }
  if (ticket.admittedAt < cell.closedAt) return cell;
  cell.usedAt = now;
  slide(cell, rules.windowMs, now);
  return judge(count(cell, outcome), rules, now, random);
}

/** Puts an open cell in place of whatever was there. */
export function openCell(
  rules: BreakerRules,
  evidence: { readonly calls: number; readonly failures: number },
  now: number,
  random: number,
): OpenCell {
  return {
    phase: 'open',
    since: now,
    until: now + waitMs(rules, 1, random),
    attempt: 1,
    probe: 0,
    probeAt: -1,
    goodProbes: 0,
    calls: evidence.calls,
    failures: evidence.failures,
    usedAt: now,
  };
}

/** Calls and failures of the sliding window, whole numbers. */
function evidenceOf(cell: ClosedCell, windowMs: number, now: number): { calls: number; failures: number } {
  const weight = Math.max(0, 1 - (now - cell.windowStart) / windowMs);
  return {
    calls: Math.round(cell.calls + cell.previousCalls * weight),
    failures: Math.round(cell.failures + cell.previousFailures * weight),
  };
}

function settleProbe(
  cell: OpenCell,
  rules: BreakerRules,
  ticket: Ticket,
  outcome: Outcome,
  now: number,
  random: number,
): BreakerCell {
  // Calls from before the opening, and probes given up as hung, no longer count.
  if (ticket.probe === 0 || ticket.probe !== cell.probe || cell.probeAt < 0) return cell;
  cell.usedAt = now;
  cell.probeAt = -1;
  if (outcome === 'void') return cell;
  if (outcome === 'failed') {
    reopen(cell, rules, now, random);
    return cell;
  }
  cell.goodProbes += 1;
  return cell.goodProbes < rules.probes ? cell : emptyCell(now, now);
}

function reopen(cell: OpenCell, rules: BreakerRules, now: number, random: number): void {
  cell.attempt += 1;
  cell.probeAt = -1;
  cell.goodProbes = 0;
  cell.until = now + waitMs(rules, cell.attempt, random);
}

function emptyCell(now: number, closedAt: number): ClosedCell {
  return {
    phase: 'closed',
    closedAt,
    run: 0,
    windowStart: now,
    calls: 0,
    failures: 0,
    previousCalls: 0,
    previousFailures: 0,
    usedAt: now,
  };
}

function count(cell: ClosedCell, outcome: 'ok' | 'failed'): ClosedCell {
  const failed = outcome === 'failed' ? 1 : 0;
  cell.calls += 1;
  cell.failures += failed;
  cell.run = failed === 0 ? 0 : cell.run + 1;
  return cell;
}

function slide(cell: ClosedCell, windowMs: number, now: number): void {
  const age = now - cell.windowStart;
  if (age < windowMs) return;
  const isNext = age < 2 * windowMs;
  cell.previousCalls = isNext ? cell.calls : 0;
  cell.previousFailures = isNext ? cell.failures : 0;
  cell.calls = 0;
  cell.failures = 0;
  cell.windowStart = isNext ? cell.windowStart + windowMs : now;
}

function judge(cell: ClosedCell, rules: BreakerRules, now: number, random: number): BreakerCell | undefined {
  const weight = 1 - (now - cell.windowStart) / rules.windowMs;
  const calls = cell.calls + cell.previousCalls * weight;
  const failures = cell.failures + cell.previousFailures * weight;
  const isRun = cell.run >= rules.consecutiveFailures;
  const isShare = cell.run > 0 && calls >= rules.minimumCalls && failures >= rules.failureShare * calls;
  if (isRun || isShare) return openCell(rules, evidenceOf(cell, rules.windowMs, now), now, random);
  const isClean = cell.run === 0 && cell.failures === 0 && cell.previousFailures === 0;
  return isClean && now - cell.closedAt > REMEMBER_CLOSING_MS ? undefined : cell;
}

import { OTHER_TENANTS, type TenantId, UNATTRIBUTED_TENANT } from '../../domain/tenant-id.ts';
import type { Sampled } from './sample-tally.ts';

/** What one tenant used in one interval. */
export interface TenantUse {
  readonly tenantId: TenantId;
  /** CPU seconds of the thread that runs JavaScript. */
  readonly cpuSeconds: number;
  /** Profiler samples that fell on the tenant; 0 without a profiler. */
  readonly cpuSamples: number;
  /** Wall-clock seconds for which the tenant's code held the event loop, waits inside synchronous calls included. */
  readonly eventLoopSeconds: number;
  /** Bytes of request bodies received. */
  readonly receivedBytes: number;
  /** Bytes of response bodies sent. */
  readonly transmittedBytes: number;
}

export interface Traffic {
  received: number;
  transmitted: number;
}

/** What was measured in one interval, times in milliseconds. */
export interface Measured {
  /** User and system CPU time of the whole process. */
  readonly processCpuMs: number;
  /** CPU time of the thread that runs JavaScript. */
  readonly threadCpuMs: number;
  /** Wall-clock time for which that thread's event loop did not wait for events. */
  readonly loopActiveMs: number;
  /** Who held the event loop for how long; samples are 0 where nothing was sampled. */
  readonly loop: ReadonlyMap<TenantId, Sampled>;
  readonly traffic: ReadonlyMap<TenantId, Traffic>;
}

const NO_LOOP: Sampled = { samples: 0, loopMs: 0, waitingMs: 0 };
const NO_TRAFFIC: Traffic = { received: 0, transmitted: 0 };

/** Less than a nanosecond is no time to divide by. */
const SHORTEST_RUNNING_MS = 1e-6;

/** Milliseconds in which the tenant ran on the loop, and did not wait inside a synchronous call. */
function runningMs({ loopMs, waitingMs }: Sampled): number {
  return Math.max(0, loopMs - waitingMs);
}

/**
 * Splits the CPU time of the JavaScript thread over the tenants in proportion to the time for which each ran on it. What
 * the loop does between callbacks has its share too, so that it is not charged to tenants. The row `(unattributed)`
 * takes all the rest of the process, so the rows add up to `processCpuMs`.
 */
export function apportion(measured: Measured): TenantUse[] {
  const { processCpuMs, loop, traffic } = measured;
  let held = 0;
  let running = 0;
  for (const use of loop.values()) {
    held += use.loopMs;
    running += runningMs(use);
  }
  running += Math.max(0, measured.loopActiveMs - held);
  const threadCpuMs = Math.min(measured.threadCpuMs, processCpuMs);
  const cpuPerRunning = running < SHORTEST_RUNNING_MS ? 0 : threadCpuMs / running;
  let unattributedMs = processCpuMs;
  const rows: TenantUse[] = [];
  for (const tenantId of new Set([...loop.keys(), ...traffic.keys()])) {
    if (tenantId === UNATTRIBUTED_TENANT) continue;
    const row = rowOf(measured, tenantId, runningMs(loop.get(tenantId) ?? NO_LOOP) * cpuPerRunning);
    unattributedMs -= row.cpuSeconds * 1_000;
    rows.push(row);
  }
  rows.push(rowOf(measured, UNATTRIBUTED_TENANT, Math.max(0, unattributedMs)));
  return rows;
}

function rowOf({ loop, traffic }: Measured, tenantId: TenantId, cpuMs: number): TenantUse {
  const { samples, loopMs } = loop.get(tenantId) ?? NO_LOOP;
  const { received, transmitted } = traffic.get(tenantId) ?? NO_TRAFFIC;
  return {
    tenantId,
    cpuSeconds: cpuMs / 1_000,
    cpuSamples: samples,
    eventLoopSeconds: loopMs / 1_000,
    receivedBytes: received,
    transmittedBytes: transmitted,
  };
}

/**
 * The `limit` tenants that use most, and one row `(other)` with all that the rest used. Most is by the largest of a
 * tenant's shares of CPU, event loop and traffic. `(unattributed)` is always a row of its own.
 */
export function largest(rows: readonly TenantUse[], limit: number): TenantUse[] {
  const tenants = rows.filter(({ tenantId }) => tenantId !== UNATTRIBUTED_TENANT && tenantId !== OTHER_TENANTS);
  if (tenants.length <= limit) return [...rows];
  const whole = together(OTHER_TENANTS, tenants);
  const weighed = tenants.map((row) => ({
    row,
    weight: Math.max(
      share(row.cpuSeconds, whole.cpuSeconds),
      share(row.eventLoopSeconds, whole.eventLoopSeconds),
      share(bytesOf(row), bytesOf(whole)),
    ),
  }));
  weighed.sort((left, right) => right.weight - left.weight);
  const ranked = weighed.map(({ row }) => row);
  const others = rows.filter(({ tenantId }) => tenantId === OTHER_TENANTS);
  const unattributed = rows.filter(({ tenantId }) => tenantId === UNATTRIBUTED_TENANT);
  return [...ranked.slice(0, limit), together(OTHER_TENANTS, [...others, ...ranked.slice(limit)]), ...unattributed];
}

function bytesOf(row: TenantUse): number {
  return row.receivedBytes + row.transmittedBytes;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function together(tenantId: TenantId, rows: readonly TenantUse[]): TenantUse {
  const sum = { cpuSeconds: 0, cpuSamples: 0, eventLoopSeconds: 0, receivedBytes: 0, transmittedBytes: 0 };
  for (const row of rows) {
    sum.cpuSeconds += row.cpuSeconds;
    sum.cpuSamples += row.cpuSamples;
    sum.eventLoopSeconds += row.eventLoopSeconds;
    sum.receivedBytes += row.receivedBytes;
    sum.transmittedBytes += row.transmittedBytes;
  }
  return { tenantId, ...sum };
}

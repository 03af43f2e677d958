import { OTHER_TENANTS, type TenantId, UNATTRIBUTED_TENANT } from '../../domain/tenant-id.ts';
import type { Sampled } from './cpu-profiler.ts';

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
  readonly loopMs: ReadonlyMap<TenantId, number>;
  readonly sampled: ReadonlyMap<TenantId, Sampled>;
  readonly traffic: ReadonlyMap<TenantId, Traffic>;
}

const NOTHING_SAMPLED: Sampled = { samples: 0, waitingMs: 0 };
const NO_TRAFFIC: Traffic = { received: 0, transmitted: 0 };

/** Milliseconds of loop time in which the tenant ran, and did not wait inside a synchronous call. */
function runningMs({ loopMs, sampled }: Measured, tenantId: TenantId): number {
  return Math.max(0, (loopMs.get(tenantId) ?? 0) - (sampled.get(tenantId)?.waitingMs ?? 0));
}

/**
 * Splits the CPU time of the JavaScript thread over the tenants in proportion to the time for which each ran on it. What
 * the loop does between callbacks has its share too, so that it is not charged to tenants. The row `(unattributed)`
 * takes all the rest of the process, so the rows add up to `processCpuMs`.
 */
export function apportion(measured: Measured): TenantUse[] {
  const { processCpuMs, loopMs, sampled, traffic } = measured;
  const tenantIds = new Set([...loopMs.keys(), ...traffic.keys(), UNATTRIBUTED_TENANT]);
  const held = sum(loopMs.values());
  const betweenCallbacks = Math.max(0, measured.loopActiveMs - held);
  const running = sum([...tenantIds].map((tenantId) => runningMs(measured, tenantId))) + betweenCallbacks;
  const threadCpuMs = Math.min(measured.threadCpuMs, processCpuMs);
  const cpuPerRunning = running === 0 ? 0 : threadCpuMs / running;
  const rows = [...tenantIds].map((tenantId) => {
    const { received, transmitted } = traffic.get(tenantId) ?? NO_TRAFFIC;
    return {
      tenantId,
      cpuSeconds: (runningMs(measured, tenantId) * cpuPerRunning) / 1_000,
      cpuSamples: (sampled.get(tenantId) ?? NOTHING_SAMPLED).samples,
      eventLoopSeconds: (loopMs.get(tenantId) ?? 0) / 1_000,
      receivedBytes: received,
      transmittedBytes: transmitted,
    };
  });
  const attributed = sum(rows.map((row) => (row.tenantId === UNATTRIBUTED_TENANT ? 0 : row.cpuSeconds)));
  return rows.map((row) =>
    row.tenantId === UNATTRIBUTED_TENANT ? { ...row, cpuSeconds: Math.max(0, processCpuMs / 1_000 - attributed) } : row,
  );
}

/**
 * The `limit` tenants that use most, and one row `(other)` with all that the rest used. Most is by the largest of a
 * tenant's shares of CPU, event loop and traffic. `(unattributed)` is always a row of its own.
 */
export function largest(rows: readonly TenantUse[], limit: number): TenantUse[] {
  const apart = rows.filter((row) => isApart(row.tenantId));
  const tenants = rows.filter((row) => !isApart(row.tenantId));
  if (tenants.length <= limit) return [...rows];
  const cpu = sum(tenants.map((row) => row.cpuSeconds));
  const loop = sum(tenants.map((row) => row.eventLoopSeconds));
  const bytes = sum(tenants.map(bytesOf));
  const weight = (row: TenantUse) =>
    Math.max(share(row.cpuSeconds, cpu), share(row.eventLoopSeconds, loop), share(bytesOf(row), bytes));
  const ranked = tenants.toSorted((left, right) => weight(right) - weight(left));
  const held = apart.filter((row) => row.tenantId === OTHER_TENANTS);
  return [
    ...ranked.slice(0, limit),
    together(OTHER_TENANTS, [...held, ...ranked.slice(limit)]),
    ...apart.filter((row) => row.tenantId !== OTHER_TENANTS),
  ];
}

function isApart(tenantId: TenantId): boolean {
  return tenantId === UNATTRIBUTED_TENANT || tenantId === OTHER_TENANTS;
}

function bytesOf(row: TenantUse): number {
  return row.receivedBytes + row.transmittedBytes;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function together(tenantId: TenantId, rows: readonly TenantUse[]): TenantUse {
  return {
    tenantId,
    cpuSeconds: sum(rows.map((row) => row.cpuSeconds)),
    cpuSamples: sum(rows.map((row) => row.cpuSamples)),
    eventLoopSeconds: sum(rows.map((row) => row.eventLoopSeconds)),
    receivedBytes: sum(rows.map((row) => row.receivedBytes)),
    transmittedBytes: sum(rows.map((row) => row.transmittedBytes)),
  };
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

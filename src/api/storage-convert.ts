import type { StorageRun, StorageTargetSettings } from '../domain/storage-target.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import type { StorageItem, StorageTargetItem } from './storage-contract.ts';
import type { StorageFigures, StorageTargetState } from './storage-ports.ts';

/** Whole numbers up to here are exact in JSON readers; sizes beyond are 9 PB. */
function number(value: bigint): number {
  return Number(value);
}

export function storageItemToWire(item: StorageFigures): StorageItem {
  return {
    tenant_id: item.tenantId,
    store: item.store,
    kind: item.kind,
    bytes: number(item.bytes),
    error_bytes: item.errorBytes === null ? null : number(item.errorBytes),
    objects: item.objects === null ? null : number(item.objects),
    method: item.method,
    measured_at: nullableTime(item.measuredAt),
    byte_hours: String(item.byteHours),
    covered_share: item.coveredShare,
  };
}

/** Names of settings only change their spelling between wire and program, so one rule serves every kind of target. */
function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [rename(name), renamed(inner, rename)]));
}

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `settings` as the schema of its kind has let it pass. */
export function settingsFromWire(kind: StorageTargetSettings['kind'], settings: object): StorageTargetSettings {
  return { kind, ...(renamed(settings, camel) as object) } as StorageTargetSettings;
}

export function storageTargetToWire({ target, run }: StorageTargetState): StorageTargetItem {
  const { kind, ...settings } = target.settings;
  return {
    id: target.id,
    name: target.name,
    kind,
    settings: renamed(settings, snake) as Record<string, unknown>,
    interval_seconds: target.intervalSeconds,
    created_by: target.createdBy,
    created_at: rfc3339(target.createdAt),
    run: run === undefined ? null : runToWire(run),
  };
}

function runToWire({ progress, ...run }: StorageRun): NonNullable<StorageTargetItem['run']> {
  return {
    id: run.id,
    state: run.state,
    started_at: rfc3339(run.startedAt),
    ended_at: nullableTime(run.endedAt),
    attempts: run.attempts,
    retry_at: nullableTime(run.retryAt),
    progress:
      progress === null
        ? null
        : {
            steps_done: progress.stepsDone,
            steps_total: progress.stepsTotal,
            read: progress.read,
            of: progress.of,
            unit: progress.unit,
          },
    skipped: run.skipped.map(({ name, reason }) => ({ name, reason })),
    error: run.error,
  };
}

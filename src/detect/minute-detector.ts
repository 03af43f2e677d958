import { isPart } from './metric-kind.ts';
import type { MinuteWatch } from './minute-watch.ts';
import type { RuleSetName } from './rule-sets.ts';
import { type FindingHandler, TenantMinutes } from './tenant-minutes.ts';
import { readState, stateBytes, writeState } from './watch-codec.ts';

/** What tenants did in one minute: metric -> value. A metric that is absent was not measured, or is a count of zero. */
export interface MeasuredMinute {
  /** Unix minutes. */
  readonly minute: number;
  readonly tenants: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Tenants are kept in so many parts, each saved and restored by itself, so that no save has to hold everything. */
export const SHARDS = 64;
/** Routes and models of one tenant that are watched by themselves. */
const MOST_PARTS = 20;
/** A tenant of which nothing was heard for so long is forgotten: two weeks and a weekend. */
const FORGET_AFTER = 16 * 1_440;
const FORMAT = 1;

interface Known {
  readonly minutes: TenantMinutes;
  lastActive: number;
}

interface Shard {
  /** Last minute that was judged; -1: none. */
  judged: number;
  readonly tenants: Map<string, Known>;
}

/**
 * The minute detectors of all tenants. Pure but for its own memory: the same minutes give the same findings. Every shard
 * knows up to which minute it has judged, so after a restart each goes on from its own saved minute.
 */
export class MinuteDetector {
  readonly #rules: RuleSetName;
  readonly #onFinding: FindingHandler;
  readonly #shards: Shard[] = Array.from({ length: SHARDS }, () => ({ judged: -1, tenants: new Map() }));

  constructor(rules: RuleSetName, onFinding: FindingHandler) {
    this.#rules = rules;
    this.#onFinding = onFinding;
  }

  /** Judges a minute for every shard that has not judged it yet. A minute in which nobody did anything was not measured. */
  observe({ minute, tenants }: MeasuredMinute): void {
    if (tenants.size === 0) return;
    const stale = this.#shards.map(({ judged }) => judged < minute);
    for (const [tenantId, values] of tenants) {
      const index = shardOf(tenantId);
      const shard = this.#shards[index];
      if (shard === undefined || !stale[index]) continue;
      const known = shard.tenants.get(tenantId) ?? this.#meet(shard, tenantId);
      known.lastActive = minute;
      for (const [metric, value] of values) {
        if (hasRoom(known.minutes, metric)) known.minutes.put(minute, metric, value);
      }
    }
    for (const [index, shard] of this.#shards.entries()) if (stale[index]) settle(shard, minute);
  }

  /** Ends everything that is open, as when the data end. */
  finish(): void {
    for (const { tenants } of this.#shards) for (const { minutes } of tenants.values()) minutes.finish();
  }

  /** Minutes up to here that were not observed were not measured, and never will be. */
  skipTo(minute: number): void {
    for (const shard of this.#shards) shard.judged = Math.max(shard.judged, minute);
  }

  /** Forgets tenants that are gone for good, findings and all. @returns the shards that have changed */
  forget(isGone: (tenantId: string) => boolean): readonly number[] {
    return this.#shards.flatMap(({ tenants }, index) => {
      const gone = [...tenants.keys()].filter(isGone);
      for (const tenantId of gone) tenants.delete(tenantId);
      return gone.length > 0 ? [index] : [];
    });
  }

  /** Number of tenants and series in memory. */
  size(): { readonly tenants: number; readonly series: number } {
    let [tenants, series] = [0, 0];
    for (const shard of this.#shards) {
      tenants += shard.tenants.size;
      for (const { minutes } of shard.tenants.values()) series += minutes.size;
    }
    return { tenants, series };
  }

  /** The oldest last minute of all shards; -1: one of them has judged nothing yet. */
  judgedByAll(): number {
    return Math.min(...this.#shards.map(({ judged }) => judged));
  }

  judged(shard: number): number {
    return this.#shards[shard]?.judged ?? -1;
  }

  /** Everything of one shard as bytes. */
  save(index: number): Uint8Array<ArrayBuffer> {
    const shard = this.#shards[index];
    if (shard === undefined) throw new RangeError(`There is no shard ${index}`);
    const names = new TextEncoder();
    const entries = [...shard.tenants].map(([tenantId, { minutes, lastActive }]) => ({
      tenant: names.encode(tenantId),
      lastActive,
      series: [...minutes.watches()].map(([metric, watch]) => ({ metric: names.encode(metric), watch })),
    }));
    let bytes = 13;
    for (const { tenant, series } of entries) {
      bytes += 2 + tenant.length + 8 + 2;
      for (const { metric, watch } of series) bytes += 2 + metric.length + stateBytes(watch.state);
    }
    const writer = new Writer(new Uint8Array(bytes));
    writer.byte(FORMAT);
    writer.number(shard.judged);
    writer.count(entries.length);
    for (const { tenant, lastActive, series } of entries) {
      writer.name(tenant);
      writer.number(lastActive);
      writer.short(series.length);
      for (const { metric, watch } of series) {
        writer.name(metric);
        writer.watch(watch);
      }
    }
    return writer.bytes;
  }

  /**
   * Takes over what `save` gave. A state of another version throws SCHEMA_MISMATCH and leaves the shard as it was: it
   * begins anew, and finds nothing until it has history again.
   */
  restore(index: number, bytes: Uint8Array): void {
    const shard = this.#shards[index];
    const reader = new Reader(bytes);
    if (shard === undefined || reader.byte() !== FORMAT) throw new RangeError('The saved state has another format');
    const judged = reader.number();
    const restored = new Map<string, Known>();
    for (let left = reader.count(); left > 0; left -= 1) {
      const minutes = new TenantMinutes(reader.name(), this.#rules, this.#onFinding);
      const lastActive = reader.number();
      for (let series = reader.short(); series > 0; series -= 1) reader.watch(minutes.watchOf(reader.name()));
      restored.set(minutes.tenantId, { minutes, lastActive });
    }
    shard.judged = judged;
    for (const [tenantId, known] of restored) shard.tenants.set(tenantId, known);
  }

  #meet(shard: Shard, tenantId: string): Known {
    const known = { minutes: new TenantMinutes(tenantId, this.#rules, this.#onFinding), lastActive: 0 };
    shard.tenants.set(tenantId, known);
    return known;
  }
}

function settle(shard: Shard, minute: number): void {
  for (const [tenantId, { minutes, lastActive }] of shard.tenants) {
    minutes.putSilence(minute);
    minutes.settle();
    if (minute - lastActive > FORGET_AFTER) shard.tenants.delete(tenantId);
  }
  shard.judged = minute;
}

/** Tenants choose their own routes: the first ones are watched, and no more than that. */
function hasRoom(minutes: TenantMinutes, metric: string): boolean {
  return minutes.has(metric) || !isPart(metric) || minutes.size < MOST_PARTS;
}

export function shardOf(tenantId: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < tenantId.length; index += 1) {
    hash = Math.imul(hash ^ tenantId.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash % SHARDS;
}

class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  byte(value: number): void {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  short(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  count(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  number(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  name(value: Uint8Array): void {
    this.short(value.length);
    this.bytes.set(value, this.#at);
    this.#at += value.length;
  }

  watch({ state }: MinuteWatch): void {
    this.#at = writeState(state, this.#view, this.#at);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    this.#at += 1;
    return this.#view.getUint8(this.#at - 1);
  }

  short(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }

  count(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  number(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  name(): string {
    const length = this.short();
    this.#at += length;
    return new TextDecoder().decode(this.#bytes.subarray(this.#at - length, this.#at));
  }

  watch({ state }: MinuteWatch): void {
    this.#at = readState(state, this.#view, this.#at);
  }
}

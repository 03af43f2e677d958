/**
 * Who holds the flags now: live app instances by service. Pure; the clock is passed in and must be monotonic. Whoever
 * reads flags for one tenant alone is counted apart, so that a tenant's key cannot shrink the operator's shares.
 */
import type { TenantId } from '../../domain/tenant-id.ts';

export interface FlagReader {
  /** Set for keys that are bound to one tenant. */
  readonly tenant: TenantId | undefined;
  readonly service: string;
  readonly instanceId: string;
}

export type FlagTransport = 'stream' | 'poll';

/** An instance as another server noted it. */
export interface SeenElsewhere {
  readonly service: string;
  readonly instanceId: string;
  /** Milliseconds since that server noted it. */
  readonly ageMs: number;
}

export interface LiveInstance {
  readonly service: string;
  readonly instanceId: string;
  readonly transport: FlagTransport;
  /** Milliseconds since it came. */
  readonly ageMs: number;
  /** Milliseconds since it was seen; 0 while its stream is open. */
  readonly unseenMs: number;
}

/** An instance whose stream broke is counted for as long as its longest back-off: it still obeys its share. */
const GRACE_MS = 30_000;

interface Member {
  streams: number;
  seenAt: number;
  readonly since: number;
  transport: FlagTransport;
  /** False while only another server has seen it. */
  isOurs: boolean;
}

interface Fleet {
  readonly service: string;
  readonly isShared: boolean;
  readonly members: Map<string, Member>;
  readonly listeners: Set<(instances: number) => void>;
  told: number;
}

export class FlagCensus {
  readonly #fleets = new Map<string, Fleet>();

  /** A stream begins. @returns the instances that are live now, with this one, and what ends it */
  join(
    reader: FlagReader,
    onCount: (instances: number) => void,
    now: number,
  ): { readonly instances: number; readonly leave: (now: number) => void } {
    const fleet = this.#fleetOf(reader);
    const member = this.#meet(fleet, reader.instanceId, 'stream', now);
    member.streams += 1;
    fleet.listeners.add(onCount);
    let isThere = true;
    const leave = (at: number) => {
      if (!isThere) return;
      isThere = false;
      fleet.listeners.delete(onCount);
      member.streams -= 1;
      member.seenAt = at;
    };
    return { instances: fleet.members.size, leave };
  }

  /** A poll. @returns the instances that are live now, with this one */
  note(reader: FlagReader, now: number): number {
    const fleet = this.#fleetOf(reader);
    this.#meet(fleet, reader.instanceId, 'poll', now);
    return fleet.members.size;
  }

  /** What other servers have written down. */
  hear(seen: readonly SeenElsewhere[], now: number): void {
    for (const { service, instanceId, ageMs } of seen) {
      const fleet = this.#fleetOf({ tenant: undefined, service, instanceId });
      const member = fleet.members.get(instanceId);
      const seenAt = now - ageMs;
      if (member !== undefined) member.seenAt = Math.max(member.seenAt, seenAt);
      else fleet.members.set(instanceId, { streams: 0, seenAt, since: seenAt, transport: 'poll', isOurs: false });
    }
  }

  /** Nothing can be heard of other servers: whom they had is taken to be there still, or shares would grow. */
  keepElsewhere(now: number): void {
    for (const { members } of this.#fleets.values()) {
      for (const member of members.values()) if (!member.isOurs) member.seenAt = now;
    }
  }

  /** Drops who has been away for too long, and tells the streams of each fleet whose size has changed. */
  sweep(now: number): void {
    for (const [key, fleet] of this.#fleets) {
      for (const [id, member] of fleet.members) {
        if (member.streams === 0 && now - member.seenAt > GRACE_MS) fleet.members.delete(id);
      }
      if (fleet.members.size === 0) this.#fleets.delete(key);
      else if (fleet.members.size !== fleet.told) {
        fleet.told = fleet.members.size;
        for (const tell of [...fleet.listeners]) tell(fleet.told);
      }
    }
  }

  /** The instances that this server has seen lately and that count for all servers. */
  ours(now: number): LiveInstance[] {
    return [...this.#fleets.values()]
      .filter(({ isShared }) => isShared)
      .flatMap(({ service, members }) =>
        [...members]
          .filter(([, { isOurs, streams, seenAt }]) => isOurs && (streams > 0 || now - seenAt <= GRACE_MS))
          .map(([instanceId, { transport, since, streams, seenAt }]) => ({
            service,
            instanceId,
            transport,
            ageMs: now - since,
            // What is noted as seen comes back from the table: noted with a later time, it would never be forgotten.
            unseenMs: streams > 0 ? 0 : now - seenAt,
          })),
      );
  }

  #fleetOf({ tenant, service }: FlagReader): Fleet {
    const key = JSON.stringify([tenant ?? null, service]);
    const known = this.#fleets.get(key);
    if (known !== undefined) return known;
    const fleet = { service, isShared: tenant === undefined, members: new Map(), listeners: new Set<never>(), told: 0 };
    this.#fleets.set(key, fleet);
    return fleet;
  }

  #meet(fleet: Fleet, instanceId: string, transport: FlagTransport, now: number): Member {
    const known = fleet.members.get(instanceId);
    const member = known ?? { streams: 0, seenAt: now, since: now, transport, isOurs: true };
    if (member.streams === 0) member.transport = transport;
    member.seenAt = now;
    member.isOurs = true;
    fleet.members.set(instanceId, member);
    return member;
  }
}

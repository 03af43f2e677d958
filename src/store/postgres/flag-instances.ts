/**
 * The census of app instances, over all servers: each writes down whom it sees and reads whom the others saw. Counting
 * goes on in memory while the database is away.
 */
import type { Actor, StaffActor } from '../../domain/actor.ts';
import { SECOND_MS } from '../../domain/window.ts';
import { FlagCensus, type FlagReader, type FlagTransport } from './flag-census.ts';
import type { Postgres } from './postgres.ts';
import { currentRevision } from './revisions.ts';
import { unixMs } from './sql-time.ts';

const CENSUS: StaffActor = { kind: 'system', subject: 'flag-census' };
const SWEEP_MS = SECOND_MS;
/** Longer lists are cut: an estate of more instances has one server too few. */
const LISTED_MAX = 10_000;

/** An app instance that holds flags or has lately. Times are Unix ms on the database's clock. */
export interface FlagInstance {
  readonly service: string;
  readonly instanceId: string;
  readonly transport: FlagTransport;
  readonly connectedAt: number;
  readonly seenAt: number;
  /** Newest revision that it said it obeys; null: it has said nothing yet. */
  readonly ackedRevision: number | null;
  readonly ackedAt: number | null;
  readonly isLive: boolean;
}

export interface FlagInstancesOptions {
  readonly postgres: Postgres;
  /** Milliseconds that never jump; default: performance.now. */
  readonly monotonicMs?: () => number;
}

export class FlagInstances {
  readonly #postgres: Postgres;
  readonly #monotonicMs: () => number;
  readonly #census = new FlagCensus();
  readonly #sweeping: NodeJS.Timeout;

  constructor({ postgres, monotonicMs = () => performance.now() }: FlagInstancesOptions) {
    this.#postgres = postgres;
    this.#monotonicMs = monotonicMs;
    this.#sweeping = setInterval(() => this.#census.sweep(this.#monotonicMs()), SWEEP_MS).unref();
  }

  /** Counts a stream's instance until `leave`; `onCount` hears of every change of the number, within a second. */
  join(reader: FlagReader, onCount: (instances: number) => void): { instances: number; leave(): void } {
    const { instances, leave } = this.#census.join(reader, onCount, this.#monotonicMs());
    return { instances, leave: () => leave(this.#monotonicMs()) };
  }

  /** Counts an instance that polls, until it has not for half a minute. @returns how many there are with it */
  note(reader: FlagReader): number {
    return this.#census.note(reader, this.#monotonicMs());
  }

  /** Tells the other servers whom this one sees, and learns whom they see; to be called every few seconds. */
  async sync(): Promise<void> {
    const ours = this.#census.ours(this.#monotonicMs());
    try {
      const seen = await this.#postgres.inStaffTransaction(CENSUS, async (transaction) => {
        transaction.unaudited('the census of app instances, renewed every few seconds');
        await transaction.query(
          `insert into tenantry.flag_instances (service, instance_id, transport, connected_at, seen_at)
           select service, instance_id, transport, clock_timestamp() - make_interval(secs => age_s),
                  clock_timestamp() - make_interval(secs => unseen_s)
           from unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::float8[])
             o (service, instance_id, transport, age_s, unseen_s)
           on conflict (service, instance_id) do update
             set transport = excluded.transport, connected_at = excluded.connected_at, seen_at = excluded.seen_at
             where excluded.seen_at >= flag_instances.seen_at`,
          [
            ours.map(({ service }) => service),
            ours.map(({ instanceId }) => instanceId),
            ours.map(({ transport }) => transport),
            ours.map(({ ageMs }) => ageMs / SECOND_MS),
            ours.map(({ unseenMs }) => unseenMs / SECOND_MS),
          ],
        );
        await transaction.query(
          `delete from tenantry.flag_instances where seen_at < clock_timestamp() - interval '1 hour'`,
        );
        return transaction.query<{ service: string; instance_id: string; age_ms: number }>(
          `select service, instance_id, (extract(epoch from clock_timestamp() - seen_at) * 1000)::float8 as age_ms
           from tenantry.flag_instances where seen_at > clock_timestamp() - interval '30 seconds'`,
        );
      });
      const heard = seen.map((row) => ({ service: row.service, instanceId: row.instance_id, ageMs: row.age_ms }));
      this.#census.hear(heard, this.#monotonicMs());
    } catch (error) {
      this.#census.keepElsewhere(this.#monotonicMs());
      throw error;
    }
  }

  /** Instances of the last hour, the longest connected first, and the revision that they should obey. */
  async list(actor: Actor): Promise<{ readonly revision: number; readonly instances: readonly FlagInstance[] }> {
    return this.#postgres.inReadTransaction(actor, async (transaction) => {
      const revision = await currentRevision(transaction, 'flags');
      const rows = await transaction.query<{
        readonly service: string;
        readonly instance_id: string;
        readonly transport: FlagTransport;
        readonly connected_ms: number;
        readonly seen_ms: number;
        readonly acked_revision: string | null;
        readonly acked_ms: number | null;
        readonly is_live: boolean;
      }>(
        `select i.service, i.instance_id, transport, ${unixMs('connected_at')} as connected_ms,
                ${unixMs('seen_at')} as seen_ms, a.revision as acked_revision, ${unixMs('a.acked_at')} as acked_ms,
                seen_at > clock_timestamp() - interval '30 seconds' as is_live
         from tenantry.flag_instances i
         left join lateral (
           select revision, acked_at from tenantry.flag_acks
           where service = i.service and instance_id = i.instance_id order by revision desc limit 1
         ) a on true
         order by i.connected_at, i.service, i.instance_id limit $1`,
        [LISTED_MAX],
      );
      const instances = rows.map((row) => ({
        service: row.service,
        instanceId: row.instance_id,
        transport: row.transport,
        connectedAt: row.connected_ms,
        seenAt: row.seen_ms,
        ackedRevision: row.acked_revision === null ? null : Number(row.acked_revision),
        ackedAt: row.acked_ms,
        isLive: row.is_live,
      }));
      return { revision, instances };
    });
  }

  stop(): void {
    clearInterval(this.#sweeping);
  }
}

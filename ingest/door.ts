import type { SegmentSignal } from '../src/domain/spool-format.ts';
import { isSelfCheckTenant } from '../src/domain/tenant-id.ts';
import type { Admission, Admitted } from './admission.ts';
import type { Counters } from './counters.ts';
import type { Intake } from './intake.ts';
import type { KeyHolder } from './key-check.ts';
import { type RetryMemory, requestKey } from './retry-memory.ts';
import type { Spool } from './spool.ts';
import { checkRequest, type OtlpSignal } from './wire-check.ts';

/** What became of one request; every protocol says it in its own words. */
export interface Taken {
  /** Spans or data points that are on the disk. */
  readonly items: number;
  /** Items that are turned down for good: OTLP's partial success. Its sender must not send them again. */
  readonly rejected: number;
  /** Why; with nothing rejected it is a warning. */
  readonly reason: string | undefined;
}

export interface DoorParts {
  readonly spool: Pick<Spool, 'append'>;
  readonly counters: Counters;
  /** undefined = retries are not recognised. */
  readonly retries?: Pick<RetryMemory, 'once'> | undefined;
  /** undefined = nothing is limited. */
  readonly admission?: Pick<Admission, 'admit' | 'forgive'> | undefined;
  /** Told of traces that were taken; what is compared with what is loaded. */
  readonly intake?: Pick<Intake, 'taken'>;
  readonly now: () => number;
}

const LOGS_REASON = 'Logs are not kept here. Switch their exporter off (OTEL_LOGS_EXPORTER=none).';

/**
 * Where the transports meet: each brings the protobuf bytes of one request and whose key they came with, and gets back
 * what became of it once it is on the disk.
 */
export class Door {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  /**
   * @param body not copied, so it must not change until this resolves
   * @throws TenantryError OTLP_MALFORMED, RATE_LIMITED, SPOOL_UNAVAILABLE; nothing is stored then
   */
  async take(signal: OtlpSignal, body: Uint8Array, holder: KeyHolder): Promise<Taken> {
    if (signal === 'logs') return this.#turnDown(body);
    const { retries, counters, admission } = this.#parts;
    if (retries === undefined) return await this.#store(signal, body, holder);
    // Before everything that charges: a retry takes nothing from anybody's limits.
    const key = requestKey(holder.keyId, signal, body);
    const { answer, isRetry } = await retries.once(key, () => this.#store(signal, body, holder, key));
    if (isRetry) {
      counters.retryRecognized(signal);
      admission?.forgive(holder);
    }
    return answer;
  }

  async #store(signal: SegmentSignal, body: Uint8Array, holder: KeyHolder, key?: Buffer): Promise<Taken> {
    const { spool, counters, intake, now, admission } = this.#parts;
    const admitted = admission?.admit(signal, body, holder) ?? unlimited(signal, body);
    const { items, rejected, reason } = admitted;
    const receivedAt = now();
    // Nobody sent it: it counts neither as telemetry that came, nor against what all tenants together have stored.
    const isOwn = isSelfCheckTenant(holder.tenantId);
    const taken: Taken = { items, rejected, reason };
    if (items > 0) {
      const origin = {
        known: key === undefined ? undefined : { key, ...taken },
        ...{ receivedAt, keyId: holder.keyId, keyTenant: holder.tenantId, keyService: holder.service },
      };
      await spool.append(signal, admitted.body, origin).catch((error: unknown) => {
        admitted.giveBack();
        throw error;
      });
      if (signal === 'traces' && !isOwn) intake?.taken(receivedAt, items);
    }
    if (isOwn) counters.selfCheckAccepted(items);
    else counters.accepted(signal, items, admitted.body.length, { keyId: holder.keyId, at: receivedAt });
    return taken;
  }

  /**
   * Logs are not kept. An error would make exporters complain or try again for ever, and success would be a lie: the
   * answer is a partial success, which says how many records were not taken and why.
   */
  #turnDown(body: Uint8Array): Taken {
    const records = checkRequest('logs', body);
    this.#parts.counters.logsRejected(records);
    return { items: 0, rejected: records, reason: records === 0 ? undefined : LOGS_REASON };
  }
}

function unlimited(signal: SegmentSignal, body: Uint8Array): Admitted {
  return { body, items: checkRequest(signal, body), rejected: 0, reason: undefined, giveBack: () => undefined };
}

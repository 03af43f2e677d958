import { performance } from 'node:perf_hooks';
import { TenantryError } from '../src/domain/errors.ts';
import type { SegmentSignal } from '../src/domain/spool-format.ts';
import { isSelfCheckTenant } from '../src/domain/tenant-id.ts';
import { KeyRates, type KeyRefusal } from './admission-keys.ts';
import { AdmissionNames, type Mismatches } from './admission-names.ts';
import { TenantRates, type TenantsVerdict } from './admission-tenants.ts';
import type { KeyHolder } from './key-check.ts';
import type { IngestLimits, LimitName } from './limits.ts';
import { Survey } from './limits-survey.ts';
import { RequestRewriter } from './rewrite.ts';
import type { LimitTally } from './rewrite-span.ts';
import { checkRequest, WIRE_LIMITS } from './wire-check.ts';

/** What may be stored of a request. */
export interface Admitted {
  /** The bytes as they came, unless limits left something out. */
  readonly body: Uint8Array;
  /** Spans or data points in `body`. */
  readonly items: number;
  readonly rejected: number;
  /** Why; undefined: nothing was rejected. */
  readonly reason: string | undefined;
  /** Takes back what the request was charged with, when it could not be stored after all. */
  readonly giveBack: () => void;
}

export interface AdmissionParts {
  readonly limits: IngestLimits;
  readonly onLimited: (limit: LimitName, count: number, keyId: string) => void;
  readonly onMismatches: (mismatches: Mismatches, keyId: string) => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonic?: () => number;
  /** Unix ms; only says when a day begins. */
  readonly now?: () => number;
}

/** The JavaScript exporter drops the data at once when Retry-After exceeds what is left of its 10 s timeout. */
const LONGEST_RETRY_SECONDS = 5;

/** Where each limit of tenants is set, and what it is a number of. */
const TENANT_LIMITS = {
  tenant_requests: ['requests', 'TENANTRY_LIMIT_TENANT_REQUESTS_PER_SECOND'],
  tenant_spans: ['items', 'TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND'],
  tenant_bytes: ['bytes', 'TENANTRY_LIMIT_TENANT_BYTES_PER_SECOND'],
} as const;
const KEY_LIMITS = {
  key_requests: ['requests a second', 'TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND'],
  key_spans: ['spans and data points a second', 'TENANTRY_LIMIT_KEY_SPANS_PER_SECOND'],
  key_bytes: ['bytes a second', 'TENANTRY_LIMIT_KEY_BYTES_PER_SECOND'],
  key_concurrency: ['requests at a time', 'TENANTRY_LIMIT_KEY_CONCURRENCY'],
} as const;

/**
 * The limits of keys and tenants. Some stand before the body of a request is read (`enter`), the rest behind it (`admit`):
 * too much from a key, or from all tenants of a request, can come again later; spans of tenants over their limits are left
 * out; spans that hold too much are cut and marked. The server's own check is not limited.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #keys: KeyRates;
  readonly #tenants: TenantRates;
  readonly #names: AdmissionNames;
  readonly #survey: Survey;
  readonly #rewriter: RequestRewriter;
  readonly #monotonic: () => number;
  readonly #now: () => number;

  constructor(parts: AdmissionParts) {
    const { limits } = parts;
    this.#parts = parts;
    this.#keys = new KeyRates(limits);
    this.#tenants = new TenantRates(limits);
    this.#survey = new Survey(limits);
    this.#names = new AdmissionNames(limits, this.#survey, this.#tenants);
    this.#rewriter = new RequestRewriter(limits);
    this.#monotonic = parts.monotonic ?? (() => performance.now());
    this.#now = parts.now ?? Date.now;
  }

  /**
   * Before the body of a request is read.
   * @returns to be called when the request has been answered
   * @throws TenantryError RATE_LIMITED
   */
  enter(holder: KeyHolder): () => void {
    if (isSelfCheckTenant(holder.tenantId)) return () => undefined;
    const now = this.#monotonic();
    const exhausted = this.#names.exhausted(holder, now);
    if (exhausted !== undefined) {
      this.#parts.onLimited(exhausted.limit, 1, holder.keyId);
      throw rateLimited(
        'the tenant of this key is over its limit',
        TENANT_LIMITS[exhausted.limit][1],
        exhausted.retryAfterSeconds,
      );
    }
    this.#refuseKey(this.#keys.enter(holder, now), holder);
    let isInside = true;
    return () => {
      if (isInside) this.#keys.leave(holder);
      isInside = false;
    };
  }

  /** The request turned out to be one that is stored already: it costs nobody anything. */
  forgive(holder: KeyHolder): void {
    this.#keys.forgive(holder);
  }

  /**
   * Checks a request and decides what of it may be stored.
   * @throws TenantryError OTLP_MALFORMED, RATE_LIMITED
   */
  admit(signal: SegmentSignal, body: Uint8Array, holder: KeyHolder): Admitted {
    if (isSelfCheckTenant(holder.tenantId)) {
      return { body, items: checkRequest(signal, body), rejected: 0, reason: undefined, giveBack: () => undefined };
    }
    const sent = checkRequest(signal, body, WIRE_LIMITS, this.#survey);
    const now = this.#monotonic();
    this.#refuseKey(this.#keys.exhausted(holder, now), holder);
    this.#names.turnTo(this.#now(), now);
    const mismatches = this.#names.findTenants(holder);
    const verdict = this.#tenants.decide(now);
    if (verdict.over.size === 0) this.#tenants.takeAll();
    const stored = verdict.over.size === 0 ? sent : this.#names.dropRejected();
    if (verdict.over.size > 0 && (verdict.comeAgain || stored === 0)) this.#refuseTenants(verdict, holder);
    this.#names.limit(signal, body, holder);
    const written = this.#rewritten(signal, body, holder, stored < sent);
    const takeBackTenants = this.#tenants.charge(now);
    const takeBackKey = this.#keys.charge(holder, stored, body.length, now);
    if (mismatches.tenants + mismatches.services > 0) this.#parts.onMismatches(mismatches, holder.keyId);
    return {
      ...{
        body: written,
        items: stored,
        rejected: sent - stored,
        reason: this.#reason(verdict, sent - stored, holder),
      },
      giveBack: () => {
        takeBackTenants();
        takeBackKey();
      },
    };
  }

  #refuseKey(refusal: KeyRefusal | undefined, { keyId }: KeyHolder): void {
    if (refusal === undefined) return;
    const { limit, perSecond, retryAfterSeconds } = refusal;
    const [of, setting] = KEY_LIMITS[limit];
    this.#parts.onLimited(limit, 1, keyId);
    throw rateLimited(`this key is over its limit of ${perSecond} ${of}`, setting, retryAfterSeconds);
  }

  #refuseTenants({ over, retryAfterSeconds }: TenantsVerdict, { keyId }: KeyHolder): never {
    const [limit = 'tenant_spans'] = over.keys();
    const rejected = this.#survey.items.count;
    this.#parts.onLimited(limit, rejected, keyId);
    throw rateLimited(this.#inWords(over), TENANT_LIMITS[limit][1], retryAfterSeconds);
  }

  /** Names no tenant: the key may be one for all of them, yet its holder need not be told about each. */
  #inWords(over: TenantsVerdict['over']): string {
    const texts = [...over].map(([limit, tenants]) => {
      const [of] = TENANT_LIMITS[limit];
      const unit = of === 'items' ? 'spans and data points' : of;
      const who = tenants === 1 ? '1 tenant is over its' : `${tenants} tenants are over their`;
      return `${who} limit of ${this.#parts.limits.tenant[of]} ${unit} a second`;
    });
    return texts.join(', ');
  }

  #reason(verdict: TenantsVerdict, rejected: number, { keyId }: KeyHolder): string | undefined {
    if (rejected === 0) return undefined;
    const [limit = 'tenant_spans'] = verdict.over.keys();
    this.#parts.onLimited(limit, rejected, keyId);
    return `${this.#inWords(verdict.over)}; the rest was stored. Raise ${TENANT_LIMITS[limit][1]} if they may send so much.`;
  }

  #rewritten(signal: SegmentSignal, body: Uint8Array, holder: KeyHolder, hasDropped: boolean): Uint8Array {
    const { outside } = this.#survey;
    if (!hasDropped && !this.#names.hasEdits && !(outside && signal === 'traces')) return body;
    const fates = (item: number) => this.#names.fateOf(item, holder);
    const rewritten = this.#rewriter.rewrite(signal, body, fates, outside);
    // What the survey points at is an upper bound: looked at closely, it may be within the limits.
    return this.#count(rewritten.tally, holder) || hasDropped ? rewritten.body : body;
  }

  /** @returns whether any limit struck */
  #count({ losses, routes, tenants }: LimitTally, { keyId }: KeyHolder): boolean {
    const counts: readonly (readonly [LimitName, number])[] = [
      ['attributes_per_span', losses.attributes],
      ['attribute_key_bytes', losses.keys],
      ['attribute_value_bytes', losses.values],
      ['value_depth', losses.depths],
      ['attribute_keys_per_tenant', losses.names],
      ['routes_per_tenant', routes],
      ['tenants_per_key', tenants],
    ];
    const struck = counts.filter(([, count]) => count > 0);
    for (const [limit, count] of struck) this.#parts.onLimited(limit, count, keyId);
    return struck.length > 0;
  }
}

function rateLimited(what: string, setting: string, seconds: number): TenantryError {
  return new TenantryError('RATE_LIMITED', what, {
    hint: `Send again after the time in Retry-After, send less, or have ${setting} raised.`,
    retryAfterSeconds: Math.min(LONGEST_RETRY_SECONDS, Math.max(1, Math.ceil(seconds))),
  });
}

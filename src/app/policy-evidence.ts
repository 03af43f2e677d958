import { type LoadSignals, readLoadSignals } from '../aggregate/load-signals-reader.ts';
import {
  type AllowEntry,
  type ImpactVerdict,
  NO_EVIDENCE,
  type PolicyEvidence,
  type ThrottleEffect,
} from '../control/policy-evidence.ts';
import type { EvidenceReader } from '../control/ports.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import type { DataHealthReader } from './control-data-health.ts';
import type { Neighbors } from './neighbors.ts';
import type { PolicyTerms } from './policy-terms.ts';

type Question = Parameters<EvidenceReader['gather']>[0];

export interface EvidenceSources {
  readonly clickhouse: AnalyticsReader;
  readonly neighbors: Pick<Neighbors, 'look'>;
  /** Unix ms at which each tenant was first named; those that are not known are absent. */
  readonly firstSeen: (tenants: readonly TenantId[]) => Promise<ReadonlyMap<TenantId, number>>;
  readonly allowList: () => Promise<readonly AllowEntry[]>;
  /** Tenants that are suspended or closed; absent: nobody is. */
  readonly held?: () => Promise<ReadonlySet<TenantId>>;
  readonly killSwitch: () => PolicyEvidence['killSwitch'];
  readonly health: Pick<DataHealthReader, 'read'>;
  readonly terms: Pick<PolicyTerms, 'of' | 'facts'>;
  /** What the calendar expects around now (Unix ms). */
  readonly peaks: (now: number) => Promise<PolicyEvidence['peaks']>;
  readonly ruleStages: () => Promise<PolicyEvidence['ruleStages']>;
  readonly tenantStages: () => Promise<PolicyEvidence['tenantStages']>;
  /** What people were asked about these findings. */
  readonly approvals: (anomalyIds: readonly string[]) => Promise<PolicyEvidence['approvals']>;
  /** P95 of the victims when each throttle was set, as the journal has it. */
  readonly victimsBefore: (throttleIds: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  /** Keeps how they fare now. */
  readonly noteEffect: (throttleId: string, p95Ms: number) => Promise<void>;
}

/** Load is measured over this much; less would hang on single requests. */
const LOAD_MS = 2 * MINUTE_MS;
/** Verdicts come from minute rollups: asking more often than this gives the same answer at a price. */
const VERDICTS_EVERY_MS = 20 * SECOND_MS;
const VERDICTS_MS = 10 * MINUTE_MS;
/** The strongest findings of a tick; more than these are a suspension and not throttles. */
const MAX_TENANTS = 200;

/**
 * Collects what a decision is made from. Nothing is asked while there is neither a finding nor an automatic throttle in
 * force, so a quiet installation pays nothing for it.
 */
export class PolicyEvidenceReader implements EvidenceReader {
  readonly #sources: EvidenceSources;
  #noted = new Map<string, number>();
  #verdicts: { readonly readAt: number; readonly list: readonly ImpactVerdict[] } | undefined;

  constructor(sources: EvidenceSources) {
    this.#sources = sources;
  }

  /** @throws what the stores throw: then nothing is decided in this tick */
  async gather({ findings, throttles, activeTenants, dataUntil, now }: Question): Promise<PolicyEvidence> {
    const { killSwitch } = this.#sources;
    const known = { ...NO_EVIDENCE, health: { ...NO_EVIDENCE.health, dataUntil }, killSwitch: killSwitch() };
    const held = throttles.filter(
      ({ flag, anomalyId, liftedAt }) => anomalyId !== null && liftedAt === null && flag.expiresAt > now,
    );
    if (findings.length + held.length === 0) return known;
    const found = findings.map(({ anomaly }) => anomaly.tenantId).slice(0, MAX_TENANTS);
    // Those that are held already count too: they are part of the weight that is throttled at once.
    const tenants = [...new Set([...found, ...held.map(({ flag }) => flag.tenantId)])];
    const verdicts = await this.#currentVerdicts(now);
    const people = this.#sources;
    const [load, firstSeen, terms, health, before, said] = await Promise.all([
      this.#load(tenants, dataUntil ?? now),
      people.firstSeen(tenants),
      people.terms.of(new Set([...activeTenants, ...tenants]), now),
      people.health.read(dataUntil, now),
      people.victimsBefore(held.map(({ flag }) => flag.id)),
      this.#said(findings, now),
    ]);
    const effects = [...before].map(([throttleId, beforeMs]) => effectOf(throttleId, beforeMs, verdicts));
    await this.#noteEffects(effects);
    return {
      ...{ ...known, ...said, health, verdicts, effects },
      requestsPerSecond: load.requestsPerSecond,
      tenants: tenants.map((tenantId) => {
        const { requestsPerSecond = null, sources = [] } = load.tenants.get(tenantId) ?? {};
        const since = firstSeen.get(tenantId);
        return {
          ...{ tenantId, requestsPerSecond, sources },
          historySeconds: since === undefined ? null : Math.max(0, (now - since) / SECOND_MS),
          ...people.terms.facts(tenantId, terms, requestsPerSecond),
        };
      }),
    };
  }

  /** What people have said: whom to leave alone, when much is to be expected, how far rules may go, what they answered. */
  async #said(
    findings: Question['findings'],
    now: number,
  ): Promise<
    Pick<PolicyEvidence, 'allowList' | 'heldTenants' | 'peaks' | 'ruleStages' | 'tenantStages' | 'approvals'>
  > {
    const sources = this.#sources;
    const [allowList, held, peaks, ruleStages, tenantStages, approvals] = await Promise.all([
      sources.allowList(),
      sources.held?.(),
      sources.peaks(now),
      sources.ruleStages(),
      sources.tenantStages(),
      sources.approvals(findings.map(({ anomaly }) => anomaly.id)),
    ]);
    const heldTenants = held === undefined ? {} : { heldTenants: [...held] };
    return { allowList, ...heldTenants, peaks, ruleStages, tenantStages, approvals };
  }

  /** Only what changed: verdicts stay the same for a minute, and each tick asks. */
  async #noteEffects(effects: readonly ThrottleEffect[]): Promise<void> {
    const noted = new Map<string, number>();
    for (const { throttleId, victimsP95NowMs: p95Ms } of effects) {
      if (p95Ms === null) continue;
      if (this.#noted.get(throttleId) !== p95Ms) await this.#sources.noteEffect(throttleId, p95Ms);
      noted.set(throttleId, p95Ms);
    }
    this.#noted = noted;
  }

  async #load(tenants: readonly TenantId[], until: number): Promise<LoadSignals> {
    return readLoadSignals(this.#sources.clickhouse, { window: { from: until - LOAD_MS, to: until }, tenants });
  }

  async #currentVerdicts(now: number): Promise<readonly ImpactVerdict[]> {
    const cached = this.#verdicts;
    if (cached !== undefined && now - cached.readAt < VERDICTS_EVERY_MS) return cached.list;
    const to = now - (now % MINUTE_MS);
    const window = { from: to - VERDICTS_MS, to };
    const { service, verdicts } = await this.#sources.neighbors.look({ service: undefined, window });
    const list = verdicts.map(({ at, kind, suspects, victims }) => ({
      ...{ at, kind, resource: service ?? '' },
      suspects: suspects.map(({ tenantId }) => tenantId),
      victims: victims.map(({ tenantId, p95Ms, usualP95Ms }) => ({ tenantId, p95Ms, usualP95Ms })),
    }));
    this.#verdicts = { readAt: now, list };
    return list;
  }
}

/** Without a verdict nobody is hurt any more, and nothing is to be taken back. */
function effectOf(throttleId: string, beforeMs: number, verdicts: readonly ImpactVerdict[]): ThrottleEffect {
  const latest = verdicts.at(-1);
  return {
    throttleId,
    victimsP95BeforeMs: beforeMs,
    victimsP95NowMs: latest === undefined ? null : worstP95(latest),
  };
}

/** P95 of the victim that is hurt most; null without victims. */
export function worstP95({ victims }: Pick<ImpactVerdict, 'victims'>): number | null {
  return victims.length === 0 ? null : Math.max(...victims.map(({ p95Ms }) => p95Ms));
}

import type { MovedRule, PromotionDesk as Port, RuleStanding } from '../api/control-ports.ts';
import type { PolicyParams } from '../control/policy.ts';
import { promotionProblem } from '../control/policy-promotion.ts';
import { INSTALLATION_STAGE, stageRank } from '../control/policy-stage.ts';
import type { StaffActor } from '../domain/actor.ts';
import { type PromotionEvidence, STAGES, type Stage } from '../domain/automation.ts';
import type { Backtest } from '../domain/backtest.ts';
import { EVERY_TENANT } from '../domain/breaker.ts';
import { TenantryError } from '../domain/errors.ts';
import type { EnforcementMode } from '../domain/flags.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ApprovalStore } from '../store/postgres/approval-store.ts';
import type { BacktestStore } from '../store/postgres/control-backtests.ts';
import type { PromotionStore } from '../store/postgres/promotion-store.ts';

export interface PromotionDeskOptions {
  readonly promotions: PromotionStore;
  readonly approvals: Pick<ApprovalStore, 'ask' | 'list'>;
  readonly backtests: Pick<BacktestStore, 'newest'>;
  readonly mode: 'off' | EnforcementMode;
  readonly params: PolicyParams;
  /** By rule: what each is made of today. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly now?: () => number;
}

/** A day for a second person to look at it. */
const APPROVAL_SECONDS = 86_400;
const MOST_PENDING = 100;
const STEPS_LISTED = 50;

/** Moves rules from stage to stage: who wants it, on what evidence, and who else has to agree. */
export class PromotionDesk implements Port {
  readonly #options: PromotionDeskOptions;
  readonly #now: () => number;

  constructor(options: PromotionDeskOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async rules(actor: StaffActor): Promise<readonly RuleStanding[]> {
    const known = await this.#options.promotions.rules(actor);
    const current = [...this.#options.hashes.keys()].filter((rule) => known.some((one) => one.rule === rule));
    return Promise.all(current.map((rule) => this.#standing(actor, rule)));
  }

  async rule(actor: StaffActor, rule: string): Promise<RuleStanding | undefined> {
    return this.#options.hashes.has(rule) ? this.#standing(actor, rule) : undefined;
  }

  /**
   * Takes a step, or brings it before a second person where it goes beyond the installation's setting.
   * @returns undefined for a rule that does not run here
   * @throws TenantryError CONFLICT when it may not be taken, with what is missing
   */
  async move(
    actor: StaffActor,
    rule: string,
    asked: { readonly stage: Stage; readonly reason: string; readonly unprovenBecause: string | null },
  ): Promise<MovedRule | undefined> {
    const { hashes, promotions, approvals, mode, params } = this.#options;
    if (!hashes.has(rule)) return undefined;
    const standing = await this.#standing(actor, rule);
    const { stage, reason, unprovenBecause } = asked;
    const problem = this.#problem(standing, stage, unprovenBecause);
    if (problem !== undefined) {
      throw new TenantryError('CONFLICT', `${rule} stays in ${standing.stage}: ${problem}.`, {
        hint: 'GET /v1/control/rules shows what each stage has shown; POST /v1/backtests replays history.',
      });
    }
    const isBeyond = stageRank(stage) > stageRank(INSTALLATION_STAGE[mode]);
    const proof = isBeyond ? standing.backtest : undefined;
    const step = { rule, stage, reason, unprovenBecause, backtestId: proof?.id ?? null, evidence: standing.evidence };
    if (!isBeyond || stageRank(stage) <= stageRank(standing.stage)) {
      const approvedBy = isBeyond ? standing.approvedBy : null;
      await promotions.step(actor, { ...step, approvedBy: approvedBy === actor.subject ? null : approvedBy });
      return { standing: await this.#standing(actor, rule), approvalId: null };
    }
    const { id } = await approvals.ask(actor, {
      tenantId: EVERY_TENANT,
      proposal: { kind: 'promotion', ...step },
      explanation: `${actor.subject} asks to let ${rule} go from ${standing.stage} to ${stage}: ${reason}`.slice(
        0,
        2_000,
      ),
      expiresInSeconds: Math.max(APPROVAL_SECONDS, params.approvalSeconds),
    });
    return { standing: await this.#standing(actor, rule), approvalId: id };
  }

  async steps(actor: StaffActor, rule: string) {
    return this.#options.promotions.steps(actor, rule, STEPS_LISTED);
  }

  async #standing(actor: StaffActor, rule: string): Promise<RuleStanding> {
    const { promotions, approvals, backtests, hashes, mode } = this.#options;
    const hash = hashes.get(rule) ?? '';
    const [known, stages, backtest, pending] = await Promise.all([
      promotions.rules(actor),
      promotions.current(actor, hashes),
      backtests.newest(actor, rule, hash),
      approvals.list(actor, { pendingOnly: true, limit: MOST_PENDING }),
    ]);
    const moved = stages.find((one) => one.rule === rule);
    const since = moved?.at ?? known.find((one) => one.rule === rule)?.firstSeenAt ?? this.#now();
    const evidence = await this.#evidence(actor, rule, since);
    const stage = moved?.stage ?? INSTALLATION_STAGE[mode];
    const next = STAGES[stageRank(stage) + 1];
    const standing = {
      ...{ rule, hash, stage, since, evidence, backtest },
      by: moved?.by ?? null,
      reason: moved?.reason ?? null,
      approvedBy: moved?.approvedBy ?? null,
      pending: pending.flatMap(({ id, proposal, askedBy, expiresAt }) =>
        proposal.kind === 'promotion' && proposal.rule === rule
          ? [{ id, stage: proposal.stage, by: askedBy, expiresAt }]
          : [],
      ),
    };
    return {
      ...standing,
      next: next === undefined ? null : { stage: next, problem: this.#problem(standing, next, null) ?? null },
    };
  }

  async #evidence(actor: StaffActor, rule: string, since: number): Promise<PromotionEvidence> {
    const { shadow, enforce } = await this.#options.promotions.throttlesSince(actor, rule, since);
    const heldSeconds = Math.max(0, Math.round((this.#now() - since) / SECOND_MS));
    return { heldSeconds, shadowThrottles: shadow, enforcedThrottles: enforce };
  }

  #problem(
    { rule, stage, since, backtest }: Pick<RuleStanding, 'rule' | 'stage' | 'since' | 'backtest'>,
    to: Stage,
    unprovenBecause: string | null,
  ): string | undefined {
    const { mode, params } = this.#options;
    return promotionProblem({
      ...{ rule, from: stage, to, since, unprovenBecause, now: this.#now(), params },
      installation: INSTALLATION_STAGE[mode],
      backtest: proofOf(backtest),
    });
  }
}

/** What promotions ask for of a backtest; null: without labels or throttles it proves nothing. */
function proofOf(backtest: Backtest | undefined) {
  const { precision = null, falsePerThousandTenantDays = null } = backtest?.result ?? {};
  const at = backtest?.endedAt ?? null;
  return at === null || precision === null || falsePerThousandTenantDays === null
    ? null
    : { at, precision, falsePerThousandTenantDays };
}

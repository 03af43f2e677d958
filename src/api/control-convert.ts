import type { Approval, KnownPeak, PromotionEvidence } from '../domain/automation.ts';
import type { Backtest, BacktestDraft, BacktestResult } from '../domain/backtest.ts';
import { EVERY_TENANT } from '../domain/breaker.ts';
import type {
  ApprovalItem,
  BacktestItem,
  KnownPeakItem,
  PromotionEvidenceItem,
  RuleStageItem,
} from './control-contract.ts';
import type { RuleStanding, StageStep } from './control-ports.ts';
import { nullableTime, rfc3339 } from './convert.ts';

function evidenceToWire(evidence: PromotionEvidence): PromotionEvidenceItem {
  const { heldSeconds, shadowThrottles, enforcedThrottles } = evidence;
  return {
    held_seconds: heldSeconds,
    shadow_throttles: shadowThrottles,
    enforced_throttles: enforcedThrottles,
  };
}

export function standingToWire(standing: RuleStanding): RuleStageItem {
  const { rule, hash, stage, since, by, reason, approvedBy, evidence, backtest, pending, next } = standing;
  return {
    ...{ rule, rule_hash: hash, stage, since: rfc3339(since), by, reason, approved_by: approvedBy, next },
    evidence: evidenceToWire(evidence),
    backtest: backtest === undefined ? null : backtestToWire(backtest),
    pending: pending.map((one) => ({
      ...{ approval_id: one.id, stage: one.stage, by: one.by, expires_at: rfc3339(one.expiresAt) },
    })),
  };
}

export function stepToWire(step: StageStep) {
  const { stage, by, at, reason, approvedBy, backtestId, unprovenBecause, evidence } = step;
  return {
    ...{ stage, by, at: rfc3339(at), reason, approved_by: approvedBy, backtest_id: backtestId },
    unproven_because: unprovenBecause,
    evidence: evidenceToWire(evidence),
  };
}

/** Only what is set: a draft says what differs. */
function draftToWire(draft: BacktestDraft): BacktestItem['draft'] {
  const { minRatio, needsImpact, headroom, minRequestsPerMinute, throttleSeconds } = draft;
  return {
    ...(minRatio === undefined ? {} : { min_ratio: minRatio }),
    ...(needsImpact === undefined ? {} : { needs_impact: needsImpact }),
    ...(headroom === undefined ? {} : { headroom }),
    ...(minRequestsPerMinute === undefined ? {} : { min_requests_per_minute: minRequestsPerMinute }),
    ...(throttleSeconds === undefined ? {} : { throttle_seconds: throttleSeconds }),
  };
}

export function draftOf(wire: BacktestItem['draft']): BacktestDraft {
  const { min_ratio: minRatio, needs_impact: needsImpact, headroom } = wire;
  const { min_requests_per_minute: minRequestsPerMinute, throttle_seconds: throttleSeconds } = wire;
  return {
    ...(minRatio === undefined ? {} : { minRatio }),
    ...(needsImpact === undefined ? {} : { needsImpact }),
    ...(headroom === undefined ? {} : { headroom }),
    ...(minRequestsPerMinute === undefined ? {} : { minRequestsPerMinute }),
    ...(throttleSeconds === undefined ? {} : { throttleSeconds }),
  };
}

function resultToWire(result: BacktestResult): NonNullable<BacktestItem['result']> {
  const { minutes, tenants, findings, heldBack, throttles, examples, precision, recall } = result;
  return {
    ...{ minutes, tenants, findings, held_back: { ...heldBack }, throttles, precision, recall },
    false_per_thousand_tenant_days: result.falsePerThousandTenantDays,
    examples: examples.map(({ tenantId, at, metric, requestsPerSecond, seconds = null, reason, right }) => ({
      ...{
        tenant_id: tenantId,
        at: rfc3339(at),
        metric,
        requests_per_second: requestsPerSecond,
        seconds,
        reason,
        right,
      },
    })),
  };
}

export function backtestToWire(backtest: Backtest): BacktestItem {
  const { id, rule, ruleHash, source, state, progress, question, result, error, askedBy, askedAt, endedAt } = backtest;
  return {
    ...{ id, rule, rule_hash: ruleHash, source, state, progress, error, asked_by: askedBy },
    ...{ from: rfc3339(question.from), to: rfc3339(question.to), draft: draftToWire(question.draft) },
    labels: question.labels === null ? null : question.labels.length,
    result: result === null ? null : resultToWire(result),
    ...{ asked_at: rfc3339(askedAt), ended_at: nullableTime(endedAt) },
  };
}

export function approvalToWire(approval: Approval): ApprovalItem {
  const { id, tenantId, proposal, explanation, askedBy, askedAt, expiresAt, state, decidedBy, decidedAt, note } =
    approval;
  return {
    ...{ id, kind: proposal.kind, tenant_id: tenantId === EVERY_TENANT ? null : tenantId, explanation },
    throttle: proposal.kind === 'throttle' ? throttleOf(proposal) : null,
    promotion:
      proposal.kind === 'promotion'
        ? {
            ...{ rule: proposal.rule, stage: proposal.stage, reason: proposal.reason },
            evidence: evidenceToWire(proposal.evidence),
          }
        : null,
    ...{ asked_by: askedBy, asked_at: rfc3339(askedAt), expires_at: rfc3339(expiresAt), state },
    ...{ decided_by: decidedBy, decided_at: nullableTime(decidedAt), note },
  };
}

function throttleOf({
  anomalyId,
  throttle,
}: Extract<Approval['proposal'], { kind: 'throttle' }>): NonNullable<ApprovalItem['throttle']> {
  const { limit, scope, expiresInSeconds, reason } = throttle;
  return {
    ...{ anomaly_id: anomalyId, requests_per_second: limit.requestsPerSecond, burst: limit.burst, reason },
    ...{ expires_in_seconds: expiresInSeconds, service: scope.service ?? null, route: scope.route ?? null },
  };
}

export function peakToWire(peak: KnownPeak): KnownPeakItem {
  const { id, tenantId, name, note, time, createdBy, createdAt } = peak;
  return {
    ...{ id, tenant_id: tenantId === EVERY_TENANT ? null : tenantId, name, note },
    from: time.kind === 'once' ? rfc3339(time.from) : null,
    to: time.kind === 'once' ? rfc3339(time.to) : null,
    weekly:
      time.kind === 'once'
        ? null
        : {
            ...{ time_zone: time.timeZone, weekdays: [...time.weekdays], start: clockText(time.startMinute) },
            length_minutes: time.lengthMinutes,
          },
    ...{ created_by: createdBy, created_at: rfc3339(createdAt) },
  };
}

/** @param minute of the day */
function clockText(minute: number): string {
  const two = (part: number) => String(part).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

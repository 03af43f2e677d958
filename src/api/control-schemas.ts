/** Schemas of what people tell automation: stages, approvals, the calendar, backtests. */
import { z } from 'zod';
import { STAGES } from '../domain/automation.ts';
import { instant, lineOfText, tenantIdText } from './parameters.ts';

const MAX_LABELS = 500;
const stage = z.enum(STAGES).describe('canary: a tenth of the excess is cut; enforce: all of it');

const evidenceSchema = z.object({
  held_seconds: z.number(),
  shadow_throttles: z.int().describe('Written in shadow since the stage began: what it would have done'),
  enforced_throttles: z.int(),
});

const wouldThrottleSchema = z.object({
  tenant_id: z.string(),
  at: z.string(),
  metric: z.string(),
  requests_per_second: z.number(),
  seconds: z.number().nullable().describe('How long it would have held, renewals included; null: not kept'),
  reason: z.string(),
  right: z.boolean().nullable().describe('null: without labels nobody can tell'),
});

const backtestLabelSchema = z.strictObject({
  tenant_id: tenantIdText,
  metric: lineOfText(1, 100).exactOptional(),
  started_at: z.number().min(0).describe('Unix seconds'),
  ended_at: z.number().min(0).describe('Unix seconds'),
});

const backtestDraftSchema = z.strictObject({
  min_ratio: z.number().min(1).max(1_000).exactOptional(),
  needs_impact: z.boolean().exactOptional(),
  headroom: z.number().min(1).max(100).exactOptional(),
  min_requests_per_minute: z.number().min(0).max(1e9).exactOptional(),
  throttle_seconds: z.int().min(5).max(86_400).exactOptional(),
});

export const newBacktestSchema = z
  .strictObject({
    rule: lineOfText(1, 100).describe('Name and version, as in findings'),
    from: instant.describe('At most 31 days before `to`'),
    to: instant,
    draft: backtestDraftSchema
      .exactOptional()
      .describe('What differs from the rule in force; a result with a draft is no proof for a promotion'),
    labels: z
      .array(backtestLabelSchema)
      .max(MAX_LABELS)
      .exactOptional()
      .describe('What was right to act on in that time, all of it; without labels nothing can be proven'),
  })
  .meta({ id: 'NewBacktest' });

export const backtestSchema = z
  .object({
    id: z.string(),
    rule: z.string(),
    rule_hash: z.string().describe('Of all that the rule was made of'),
    source: z.enum(['api', 'command']),
    state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
    progress: z.number().min(0).max(1),
    from: z.string(),
    to: z.string(),
    draft: backtestDraftSchema,
    labels: z.int().nullable().describe('How many there were; null: none were given'),
    result: z
      .object({
        minutes: z.int(),
        tenants: z.int(),
        findings: z.int(),
        held_back: z.record(z.string(), z.int()).describe('Findings that led to no throttle, by guard'),
        throttles: z.int(),
        examples: z.array(wouldThrottleSchema),
        precision: z.number().nullable(),
        recall: z.number().nullable(),
        false_per_thousand_tenant_days: z.number().nullable(),
      })
      .nullable(),
    error: z.string().nullable(),
    asked_by: z.string(),
    asked_at: z.string(),
    ended_at: z.string().nullable(),
  })
  .meta({ id: 'Backtest' });

export const backtestListSchema = z.object({ items: z.array(backtestSchema) }).meta({ id: 'BacktestList' });

export const ruleStageSchema = z
  .object({
    rule: z.string(),
    rule_hash: z.string(),
    stage,
    since: z.string(),
    by: z.string().nullable().describe('null: nobody has moved it, it follows TENANTRY_AUTO_THROTTLE'),
    reason: z.string().nullable(),
    approved_by: z.string().nullable(),
    evidence: evidenceSchema,
    backtest: backtestSchema.nullable().describe('The newest of the rule as it is today'),
    pending: z.array(z.object({ approval_id: z.string(), stage, by: z.string(), expires_at: z.string() })),
    next: z
      .object({ stage, problem: z.string().nullable().describe('What it lacks; null: it may be asked for now') })
      .nullable(),
  })
  .meta({ id: 'RuleStage' });

export const ruleStageListSchema = z.object({ items: z.array(ruleStageSchema) }).meta({ id: 'RuleStageList' });

export const ruleStageDetailSchema = ruleStageSchema
  .extend({
    steps: z
      .array(
        z.object({
          stage,
          by: z.string(),
          at: z.string(),
          reason: z.string(),
          approved_by: z.string().nullable(),
          backtest_id: z.string().nullable(),
          unproven_because: z.string().nullable(),
          evidence: evidenceSchema,
        }),
      )
      .describe('Newest first'),
  })
  .meta({ id: 'RuleStageDetail' });

export const newRuleStageSchema = z
  .strictObject({
    stage,
    reason: lineOfText(1, 500),
    unproven_because: lineOfText(1, 500).exactOptional().describe('Why it may act without a backtest that passes'),
  })
  .meta({ id: 'NewRuleStage' });

export const tenantStageSchema = z
  .object({ tenant_id: z.string(), stage, by: z.string(), at: z.string(), reason: z.string() })
  .meta({ id: 'TenantStage' });

export const tenantStageListSchema = z.object({ items: z.array(tenantStageSchema) }).meta({ id: 'TenantStageList' });

export const newTenantStageSchema = z
  .strictObject({ stage, reason: lineOfText(1, 500) })
  .meta({ id: 'NewTenantStage' });

export const approvalSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['throttle', 'promotion']),
    tenant_id: z.string().nullable().describe('null: it is about a rule'),
    explanation: z.string(),
    throttle: z
      .object({
        anomaly_id: z.string(),
        requests_per_second: z.number(),
        burst: z.number(),
        expires_in_seconds: z.number(),
        service: z.string().nullable(),
        route: z.string().nullable(),
        reason: z.string(),
      })
      .nullable(),
    promotion: z.object({ rule: z.string(), stage, reason: z.string(), evidence: evidenceSchema }).nullable(),
    asked_by: z.string(),
    asked_at: z.string(),
    expires_at: z.string().describe('Without an answer until then nothing is done'),
    state: z.enum(['pending', 'approved', 'denied', 'expired']),
    decided_by: z.string().nullable(),
    decided_at: z.string().nullable(),
    note: z.string().nullable(),
  })
  .meta({ id: 'Approval' });

export const approvalListSchema = z.object({ items: z.array(approvalSchema) }).meta({ id: 'ApprovalList' });

export const newAnswerSchema = z
  .strictObject({ note: lineOfText(1, 500).exactOptional().describe('Why; people read it') })
  .meta({ id: 'NewAnswer' });

const weeklySchema = z.strictObject({
  time_zone: lineOfText(1, 64).describe('IANA name, such as Europe/Berlin'),
  weekdays: z.array(z.int().min(1).max(7)).min(1).max(7).describe('1 = Monday to 7 = Sunday'),
  start: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 08:30'),
  length_minutes: z.int().min(1).max(10_080),
});

export const newKnownPeakSchema = z
  .strictObject({
    tenant_id: tenantIdText.exactOptional().describe('Absent: every tenant'),
    name: lineOfText(1, 200),
    note: lineOfText(0, 500).exactOptional(),
    from: instant.exactOptional().describe('With `to`, for a peak that is once'),
    to: instant.exactOptional(),
    weekly: weeklySchema.exactOptional().describe('Instead of `from` and `to`'),
  })
  .meta({ id: 'NewKnownPeak' });

export const knownPeakSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string().nullable(),
    name: z.string(),
    note: z.string(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    weekly: weeklySchema.nullable(),
    created_by: z.string(),
    created_at: z.string(),
  })
  .meta({ id: 'KnownPeak' });

export const knownPeakListSchema = z.object({ items: z.array(knownPeakSchema) }).meta({ id: 'KnownPeakList' });

export const reachSchema = z
  .object({
    revision: z.int(),
    items: z.array(z.object({ service: z.string(), instance_id: z.string(), acked_at: z.string().nullable() })),
  })
  .meta({ id: 'Reach' });

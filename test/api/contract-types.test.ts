// The types that clients are written against are those that the server checks.
import { expect, test } from 'vitest';
import type { z } from 'zod';
import type { anomalyItemSchema, anomalyListSchema } from '../../src/api/anomalies.ts';
import type * as contract from '../../src/api/contract.ts';
import type * as control from '../../src/api/control-contract.ts';
import type {
  approvalListSchema,
  backtestListSchema,
  knownPeakListSchema,
  newBacktestSchema,
  newKnownPeakSchema,
  reachSchema,
  ruleStageSchema,
  tenantStageSchema,
} from '../../src/api/control-schemas.ts';
import type { deployListSchema, newDeploySchema } from '../../src/api/deploys.ts';
import type * as deploys from '../../src/api/deploys-contract.ts';
import type { cloudEventSchema } from '../../src/api/events.ts';
import type { flagInstanceListSchema } from '../../src/api/flag-instances.ts';
import type { flagAckSchema, flagSnapshotSchema, wireFlagSchema } from '../../src/api/flags.ts';
import type {
  createdKeySchema,
  keyItemSchema,
  keyListSchema,
  keyRotationSchema,
  newKeySchema,
} from '../../src/api/keys.ts';
import type { KeyRotation } from '../../src/api/keys-contract.ts';
import type { featureListSchema, forecastSchema, marginAnswerSchema } from '../../src/api/margins-schemas.ts';
import type {
  meterItemSchema,
  meterListSchema,
  meterValuesSchema,
  newMeterSchema,
  rejectedEventListSchema,
} from '../../src/api/meters-schemas.ts';
import type { neighborsSchema } from '../../src/api/neighbors.ts';
import type { NeighborsAnswer } from '../../src/api/neighbors-contract.ts';
import type { problemSchema } from '../../src/api/problem.ts';
import type { queryAuditListSchema } from '../../src/api/queries-audit.ts';
import type { reportScheduleListSchema, reportScheduleSchema } from '../../src/api/reports-schemas.ts';
import type {
  customerTenantSchema,
  newRevenueImportSchema,
  revenueAnswerSchema,
  revenueImportItemSchema,
  revenueImportListSchema,
  unmappedCustomerListSchema,
} from '../../src/api/revenue-schemas.ts';
import type { newSignInLinkSchema, signInLinkSchema } from '../../src/api/sign-in.ts';
import type {
  capItemSchema,
  capListSchema,
  newCapSchema,
  planCapListSchema,
  planCapSchema,
  spendAnswerSchema,
  spendReceiptsSchema,
  spendReportsSchema,
  spendRequestSchema,
} from '../../src/api/spend-schemas.ts';
import type { metricSeriesSchema } from '../../src/api/tenant-metrics.ts';
import type { newTenantPlanSchema, tenantPlanSchema } from '../../src/api/tenant-plan.ts';
import type { tenantFiguresSchema, tenantListSchema } from '../../src/api/tenants.ts';
import type { newThrottleSchema, throttleItemSchema, throttleListSchema } from '../../src/api/throttles.ts';
import type { queryListSchema, slowQueryListSchema, usageListSchema } from '../../src/api/usage-schemas.ts';
import type { whoAmISchema } from '../../src/api/whoami.ts';
import type { FlagAck, FlagSnapshot, WireFlag } from '../../src/domain/flag-wire.ts';
import type { SpendAnswer, SpendReceipts, SpendReports, SpendRequest } from '../../src/domain/spend-wire.ts';

/** True only for the very same type, in both directions, with optional and readonly marks. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Unfolds intersections, so that two ways to write one object type compare equal. */
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

/** The compiler checks this: a field that only one side has, or with another type, makes one of them `false`. */
const AGREEMENTS: {
  figures: Agree<typeof tenantFiguresSchema, contract.TenantFigures>;
  list: Agree<typeof tenantListSchema, contract.TenantList>;
  series: Agree<typeof metricSeriesSchema, contract.MetricSeries>;
  anomaly: Agree<typeof anomalyItemSchema, contract.AnomalyItem>;
  anomalies: Agree<typeof anomalyListSchema, contract.AnomalyList>;
  throttle: Agree<typeof throttleItemSchema, contract.ThrottleItem>;
  throttles: Agree<typeof throttleListSchema, contract.ThrottleList>;
  newThrottle: Agree<typeof newThrottleSchema, contract.NewThrottle>;
  whoAmI: Agree<typeof whoAmISchema, contract.WhoAmI>;
  key: Agree<typeof keyItemSchema, contract.KeyItem>;
  keys: Agree<typeof keyListSchema, contract.KeyList>;
  newKey: Agree<typeof newKeySchema, contract.NewKey>;
  keyRotation: Agree<typeof keyRotationSchema, KeyRotation>;
  createdKey: Agree<typeof createdKeySchema, contract.CreatedKey>;
  newSignInLink: Agree<typeof newSignInLinkSchema, contract.NewSignInLink>;
  signInLink: Agree<typeof signInLinkSchema, contract.SignInLink>;
  newPlan: Agree<typeof newTenantPlanSchema, contract.NewTenantPlan>;
  plan: Agree<typeof tenantPlanSchema, contract.TenantPlan>;
  problem: Agree<typeof problemSchema, contract.Problem & { [extension: string]: unknown }>;
  flag: Agree<typeof wireFlagSchema, WireFlag>;
  snapshot: Agree<typeof flagSnapshotSchema, FlagSnapshot>;
  ack: Agree<typeof flagAckSchema, FlagAck>;
  instances: Agree<typeof flagInstanceListSchema, contract.FlagInstanceList>;
  usage: Agree<typeof usageListSchema, contract.UsageList>;
  queries: Agree<typeof queryListSchema, contract.QueryList>;
  queryAudits: Agree<typeof queryAuditListSchema, contract.QueryAuditList>;
  neighbors: Agree<typeof neighborsSchema, NeighborsAnswer>;
  deploys: Agree<typeof deployListSchema, deploys.DeployList>;
  newDeploy: Agree<typeof newDeploySchema, deploys.NewDeploy>;
  slowQueries: Agree<typeof slowQueryListSchema, contract.SlowQueryList>;
  cap: Agree<typeof capItemSchema, contract.CapItem>;
  caps: Agree<typeof capListSchema, contract.CapList>;
  newCap: Agree<typeof newCapSchema, contract.NewCap>;
  planCap: Agree<typeof planCapSchema, contract.PlanCapItem>;
  planCaps: Agree<typeof planCapListSchema, contract.PlanCapList>;
  spendRequest: Agree<typeof spendRequestSchema, SpendRequest>;
  spendAnswer: Agree<typeof spendAnswerSchema, SpendAnswer>;
  spendReports: Agree<typeof spendReportsSchema, SpendReports>;
  spendReceipts: Agree<typeof spendReceiptsSchema, SpendReceipts>;
  approvals: Agree<typeof approvalListSchema, contract.ApprovalList>;
  backtests: Agree<typeof backtestListSchema, contract.BacktestList>;
  knownPeaks: Agree<typeof knownPeakListSchema, contract.KnownPeakList>;
  reach: Agree<typeof reachSchema, contract.ReachItem>;
  ruleStage: Agree<typeof ruleStageSchema, contract.RuleStageItem>;
  tenantStage: Agree<typeof tenantStageSchema, control.TenantStageItem>;
  newBacktest: Agree<typeof newBacktestSchema, control.NewBacktest>;
  newKnownPeak: Agree<typeof newKnownPeakSchema, control.NewKnownPeak>;
  cloudEvent: Agree<typeof cloudEventSchema, contract.CloudEvent>;
  newMeter: Agree<typeof newMeterSchema, contract.NewMeter>;
  meter: Agree<typeof meterItemSchema, contract.MeterItem>;
  meters: Agree<typeof meterListSchema, contract.MeterList>;
  meterValues: Agree<typeof meterValuesSchema, contract.MeterValues>;
  rejectedEvents: Agree<typeof rejectedEventListSchema, contract.RejectedEventList>;
  newRevenueImport: Agree<typeof newRevenueImportSchema, contract.NewRevenueImport>;
  revenueImport: Agree<typeof revenueImportItemSchema, contract.RevenueImportItem>;
  revenueImports: Agree<typeof revenueImportListSchema, contract.RevenueImportList>;
  revenue: Agree<typeof revenueAnswerSchema, contract.RevenueAnswer>;
  unmapped: Agree<typeof unmappedCustomerListSchema, contract.UnmappedCustomerList>;
  customerTenant: Agree<typeof customerTenantSchema, contract.CustomerTenant>;
  margins: Agree<typeof marginAnswerSchema, contract.MarginAnswerBody>;
  features: Agree<typeof featureListSchema, contract.FeatureList>;
  forecast: Agree<typeof forecastSchema, contract.ForecastBody>;
  reportSchedule: Agree<typeof reportScheduleSchema, contract.ReportScheduleItem>;
  reportSchedules: Agree<typeof reportScheduleListSchema, contract.ReportScheduleList>;
} = {
  reportSchedule: true,
  reportSchedules: true,
  cloudEvent: true,
  newMeter: true,
  meter: true,
  meters: true,
  meterValues: true,
  rejectedEvents: true,
  newRevenueImport: true,
  revenueImport: true,
  revenueImports: true,
  revenue: true,
  unmapped: true,
  customerTenant: true,
  margins: true,
  features: true,
  forecast: true,
  figures: true,
  list: true,
  series: true,
  anomaly: true,
  anomalies: true,
  throttle: true,
  throttles: true,
  newThrottle: true,
  whoAmI: true,
  key: true,
  keys: true,
  newKey: true,
  keyRotation: true,
  createdKey: true,
  newSignInLink: true,
  signInLink: true,
  newPlan: true,
  plan: true,
  problem: true,
  flag: true,
  snapshot: true,
  ack: true,
  instances: true,
  usage: true,
  queries: true,
  queryAudits: true,
  neighbors: true,
  deploys: true,
  newDeploy: true,
  slowQueries: true,
  cap: true,
  caps: true,
  newCap: true,
  planCap: true,
  planCaps: true,
  spendRequest: true,
  spendAnswer: true,
  spendReports: true,
  spendReceipts: true,
  approvals: true,
  backtests: true,
  knownPeaks: true,
  reach: true,
  ruleStage: true,
  tenantStage: true,
  newBacktest: true,
  newKnownPeak: true,
};

test('zod schemas and contract types agree', () => {
  expect(Object.values(AGREEMENTS)).not.toContain(false);
});

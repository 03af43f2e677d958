import type { ExplainedCost } from '../api/bills-ports.ts';
import { RuleMatcher } from '../cost/allocation-match.ts';
import type { StaffActor } from '../domain/actor.ts';
import { formatAtto, formatMicro } from '../domain/cost-amount.ts';
import type { AllocationRule } from '../domain/cost-rule.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import type { BillStore } from '../store/postgres/bill-store.ts';
import type { CostRuleStore } from '../store/postgres/cost-rule-store.ts';
import type { CostShareStore, ExplainedShare } from '../store/postgres/cost-share-store.ts';

const COSTS: StaffActor = { kind: 'system', subject: 'costs' };
/** Lines with other tenants' tags are passed over; a group of more is told by its first ones. */
const MOST_LINES_READ = 10_000;

export interface ExplainQuestion {
  readonly tenantId: TenantId;
  readonly window: Window;
  readonly part: string | undefined;
  readonly currency: string;
  readonly limit: number;
  readonly offset: number;
  readonly lines: number;
}

type FoundLine = Awaited<ReturnType<BillStore['linesOf']>>[number][number];

/** The rule that a share was made by; undefined: it is gone. */
interface ShareRule {
  readonly rule: AllocationRule | undefined;
  readonly matcher: RuleMatcher;
}

const NO_RULES = { rules: [] as readonly AllocationRule[], matcher: new RuleMatcher([], isTenantId) };

export interface ExplainStores {
  readonly bills: Pick<BillStore, 'linesOf'>;
  readonly rules: Pick<CostRuleStore, 'rules'>;
  readonly shares: Pick<CostShareStore, 'explain'>;
}

/** Unfolds a tenant's costs to the lines, the rule and the usage that they were made of. */
export async function explainCosts(
  stores: ExplainStores,
  question: ExplainQuestion,
): Promise<readonly ExplainedCost[]> {
  const { tenantId, limit, offset } = question;
  const shares = await stores.shares.explain(COSTS, tenantId, question, { limit, offset });
  const rulesOf = new Map<number, { readonly rules: readonly AllocationRule[]; readonly matcher: RuleMatcher }>();
  for (const { rulesVersion: version } of shares) {
    if (rulesOf.has(version)) continue;
    const { rules = [] } = (await stores.rules.rules(COSTS, version)) ?? {};
    rulesOf.set(version, { rules, matcher: new RuleMatcher(rules, isTenantId) });
  }
  const ruleOf = (share: ExplainedShare): ShareRule => {
    const { rules, matcher } = rulesOf.get(share.rulesVersion) ?? NO_RULES;
    return { rule: rules.find(({ id }) => id === share.rule), matcher };
  };
  // All at once: a transaction for each share is four round trips for each.
  const lines = await stores.bills.linesOf(
    COSTS,
    shares.map((share) => {
      const limit = ruleOf(share).rule?.method.kind === 'direct' ? MOST_LINES_READ : Math.max(question.lines, 1);
      return { billId: share.billId, only: share.lineNos, limit };
    }),
  );
  return shares.map((share, index) => explainShare(share, { ...ruleOf(share), lines: lines[index] ?? [] }, question));
}

function explainShare(
  share: ExplainedShare,
  { rule, matcher, lines: found }: { readonly lines: readonly FoundLine[] } & ShareRule,
  { tenantId, lines: wanted }: ExplainQuestion,
): ExplainedCost {
  const isDirect = rule?.method.kind === 'direct';
  // Lines of a group bear the tags of several tenants: the matcher says again whose each is.
  const own = isDirect ? found.filter((line) => matcher.verdict(line).tenant === tenantId) : found;
  const weights = weightsOf(rule);
  const { billId, currency, rulesVersion, part, provider, service, chargeCategory, from, to, booked } = share;
  return {
    ...{ billId, currency, rulesVersion, rule: share.rule, part, provider, service, chargeCategory, from, to, booked },
    ...{ groupMicro: share.groupMicro, idleMicro: share.idleMicro, shareMicro: share.shareMicro },
    bases: share.bases.map((basis) => ({ ...basis, weight: weights.get(basis.key) ?? 1 })),
    formula: formulaOf(share, rule, weights),
    lineCount: isDirect ? own.length : share.lineNos.length,
    lines: own.slice(0, wanted).map(({ line, atto, currency: billed, description, resource }) => {
      return { line, amount: formatAtto(atto), currency: billed, description, resource };
    }),
  };
}

function weightsOf(rule: AllocationRule | undefined): ReadonlyMap<string, number> {
  return new Map(rule?.method.kind === 'weighted' ? rule.method.keys.map(({ key, weight }) => [key, weight]) : []);
}

/** `acme = 412.370000 USD = 1000.000000 x (3 x 5/20 [cpu_ns] + 1 x 1/4 [db_ns]) / 4`, rounded to the micro-unit. */
function formulaOf(
  share: ExplainedShare,
  rule: AllocationRule | undefined,
  weights: ReadonlyMap<string, number>,
): string {
  const result = `${formatMicro(share.shareMicro)} ${share.currency}`;
  const shared = formatMicro(share.groupMicro - share.idleMicro);
  const of =
    share.idleMicro === 0n ? shared : `(${formatMicro(share.groupMicro)} - ${formatMicro(share.idleMicro)} idle)`;
  const method = rule?.method;
  switch (method?.kind) {
    case 'direct':
      return `${result}: the lines name this tenant (${typeof method.from === 'string' ? method.from : `tag ${method.from.tag}`})`;
    case 'even':
      return `${result} = ${of} in equal shares of ${method.plans === null ? 'tenants with requests' : `tenants on ${method.plans.join(', ')}`}`;
    case 'fixed':
      return `${result} of ${of}: fixed by the rule`;
    case 'proportional':
    case 'weighted': {
      const terms = share.bases
        .filter(({ total }) => total > 0n)
        .map(({ key, usage, total }) => {
          const weight = weights.get(key);
          return `${weight === undefined ? '' : `${weight} x `}${usage}/${total} [${key}]`;
        });
      const used = share.bases
        .filter(({ total }) => total > 0n)
        .reduce((sum, { key }) => sum + (weights.get(key) ?? 0), 0);
      const factor = terms.length === 1 && used === 0 ? (terms[0] ?? '') : `(${terms.join(' + ')}) / ${used}`;
      return `${result} = ${of} x ${factor}`;
    }
    case 'follow':
    case undefined:
      return `${result} of ${of}: as the charges came out that it belongs to`;
    case 'shared':
      return `${result} of ${of}`;
  }
}

/** From the form of a draft rule to the question, and from answers to what is compared. Pure. */
import type { BacktestItem, NewBacktest } from '../../../src/api/control-contract.ts';
import type { FieldProblems } from '../shared/form-problems.ts';

type Result = NonNullable<BacktestItem['result']>;
type Draft = BacktestItem['draft'];

export interface BacktestForm extends Readonly<Record<string, string | boolean>> {
  readonly rule: string;
  /** Days of stored history, up to now. */
  readonly days: string;
  /** Empty: as in force. */
  readonly ratio: string;
  readonly floor: string;
  readonly impact: string;
  readonly headroom: string;
  readonly seconds: string;
  readonly labels: string;
  readonly compares: boolean;
}

/** Rules that are replayed on stored minutes. The server refuses others, such as plan ceilings, and says which it takes. */
export const REPLAYED_RULES = ['tenantry/1', 'owner-ratio/1'] as const;
export const HISTORIES = [
  ['1', 'last 24 hours'],
  ['3', 'last 3 days'],
  ['7', 'last 7 days'],
  ['14', 'last 14 days'],
  ['31', 'last 31 days'],
] as const;

export const START_FORM: BacktestForm = {
  rule: REPLAYED_RULES[0],
  days: '7',
  ratio: '',
  floor: '',
  impact: '',
  headroom: '',
  seconds: '',
  labels: '',
  compares: true,
};

const NUMBERS = {
  ratio: { least: 1, most: 1_000 },
  floor: { least: 0, most: 1e9 },
  headroom: { least: 1, most: 100 },
  seconds: { least: 5, most: 86_400 },
} as const;

type NumberName = keyof typeof NUMBERS;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What is wrong with which field, before the server is asked. */
export function formProblems(form: BacktestForm): FieldProblems {
  const problems: Record<string, string> = {};
  for (const [name, { least, most }] of Object.entries(NUMBERS)) {
    const text = String(form[name as NumberName]).trim();
    const value = Number(text);
    if (text !== '' && !(value >= least && value <= most))
      problems[name] = `A number from ${least} to ${most}, or empty`;
    else if (name === 'seconds' && text !== '' && !Number.isInteger(value)) problems[name] = 'Whole seconds';
  }
  const bad = readLabels(form.labels).problem;
  if (bad !== undefined) problems['labels'] = bad;
  return problems;
}

type Label = NonNullable<NewBacktest['labels']>[number];

/** One label a line: `tenant, from, to` and perhaps a metric; times as RFC 3339. */
export function readLabels(text: string): { labels: Label[] | undefined; problem: string | undefined } {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) return { labels: undefined, problem: undefined };
  const labels: Label[] = [];
  for (const [index, line] of lines.entries()) {
    const [tenant = '', from = '', to = '', metric = ''] = line.split(',').map((part) => part.trim());
    const [start, end] = [Date.parse(from), Date.parse(to)];
    if (tenant === '' || !(start < end)) {
      return {
        labels: undefined,
        problem: `Line ${index + 1}: tenant, from, to, such as acme, 2026-11-23T10:00Z, 2026-11-23T10:30Z`,
      };
    }
    const times = { started_at: start / 1_000, ended_at: end / 1_000 };
    labels.push({ tenant_id: tenant, ...times, ...(metric === '' ? {} : { metric }) });
  }
  return { labels, problem: undefined };
}

function draftOf(form: BacktestForm): Draft {
  const number = (text: string) => (text.trim() === '' ? undefined : Number(text));
  const all = {
    min_ratio: number(form.ratio),
    min_requests_per_minute: number(form.floor),
    headroom: number(form.headroom),
    throttle_seconds: number(form.seconds),
    needs_impact: form.impact === '' ? undefined : form.impact === 'yes',
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The draft's question, and that of the rule in force over the same history where it is asked for beside it. */
export function questionsOf(form: BacktestForm, now: number): { draft: NewBacktest; inForce: NewBacktest | undefined } {
  const to = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const window = { from: new Date(to - Number(form.days) * DAY_MS).toISOString(), to: new Date(to).toISOString() };
  const { labels } = readLabels(form.labels);
  const common = { rule: form.rule, ...window, ...(labels === undefined ? {} : { labels }) };
  const draft = draftOf(form);
  const isDraft = Object.keys(draft).length > 0;
  return { draft: isDraft ? { ...common, draft } : common, inForce: isDraft && form.compares ? common : undefined };
}

export const isDraft = ({ draft }: Pick<BacktestItem, 'draft'>) => Object.keys(draft).length > 0;

/** The newest replay of the rule in force over the same history with as many labels, to stand beside `one`. */
export function partnerOf(one: BacktestItem, all: readonly BacktestItem[]): BacktestItem | undefined {
  if (!isDraft(one)) return undefined;
  const fits = (other: BacktestItem) =>
    !isDraft(other) &&
    other.rule === one.rule &&
    other.from === one.from &&
    other.to === one.to &&
    other.labels === one.labels;
  return all.find((other) => fits(other) && other.state !== 'failed' && other.state !== 'cancelled');
}

const NAMES: Readonly<Record<keyof Draft, string>> = {
  min_ratio: 'ratio',
  min_requests_per_minute: 'floor, requests a minute',
  headroom: 'headroom',
  throttle_seconds: 'throttle seconds',
  needs_impact: 'only when others are hurt',
};

/** What differs from the rule in force, in words. */
export function draftText(draft: Draft): string {
  const parts = Object.entries(draft).map(([name, value]) => {
    const text = typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
    return `${NAMES[name as keyof Draft]} ${text}`;
  });
  return parts.length === 0 ? 'as in force' : parts.join(', ');
}

/** Who would have been throttled, and in the other replay. */
export interface ThrottledTenant {
  readonly tenantId: string;
  readonly throttles: number;
  /** null: an old replay, which did not keep it. */
  readonly seconds: number | null;
  /** null: without labels nobody can tell. */
  readonly wrong: number | null;
  /** The tightest limit, requests a second; null: not throttled by the draft. */
  readonly limit: number | null;
  /** Unix ms of the first; null: not throttled by the draft. */
  readonly first: number | null;
  readonly reason: string;
  /** In the replay of the rule in force; null: there is none. */
  readonly inForce: number | null;
}

/** One row a tenant that either replay would have throttled, the most throttled first. */
export function throttledTenants(result: Result, partner: Result | undefined): ThrottledTenant[] {
  const ids = new Set([...result.examples, ...(partner?.examples ?? [])].map((one) => one.tenant_id));
  const rows = [...ids].map((tenantId): ThrottledTenant => {
    const own = result.examples.filter((one) => one.tenant_id === tenantId);
    const isKept = own.every((one) => one.seconds !== null);
    const isJudged = own.every((one) => one.right !== null);
    return {
      tenantId,
      throttles: own.length,
      seconds: isKept ? own.reduce((sum, one) => sum + (one.seconds ?? 0), 0) : null,
      wrong: isJudged ? own.filter((one) => one.right === false).length : null,
      limit: own.length === 0 ? null : Math.min(...own.map((one) => one.requests_per_second)),
      first: own.length === 0 ? null : Math.min(...own.map((one) => Date.parse(one.at))),
      reason: own[0]?.reason ?? '',
      inForce: partner === undefined ? null : partner.examples.filter((one) => one.tenant_id === tenantId).length,
    };
  });
  return rows.sort((a, b) => b.throttles - a.throttles || a.tenantId.localeCompare(b.tenantId));
}

/** False throttles a tenant has to expect in a month of 30 days; null: not known. */
export function falsePerTenantMonth({ false_per_thousand_tenant_days: per }: Result): number | null {
  return per === null ? null : (per * 30) / 1_000;
}

import type { BillLine } from '../domain/bill.ts';
import {
  type AllocationRule,
  type LineMatch,
  MATCH_FIELDS,
  type MatchField,
  type TenantSource,
} from '../domain/cost-rule.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';

/** What rules look at; a line that was stored and read back has as much. */
export type RuledLine = Omit<BillLine, 'key'>;

export interface LineVerdict {
  /** Its place among the rules; null: none is for the line. */
  readonly rule: number | null;
  /** Whose the line is by its own word (method `direct`). */
  readonly tenant: TenantId | null;
  /** Why the line is nobody's although a rule is for it. */
  readonly reason: string | null;
}

/**
 * Whether `text` is what the glob says: `*` is any text, `?` one character, everything else itself, in any case. Two
 * pointers and one place to go back to: at most length x length steps whatever the pattern is, unlike a regular
 * expression.
 */
export function globMatches(pattern: string, text: string): boolean {
  const [glob, subject] = [pattern.toLowerCase(), text.toLowerCase()];
  let [at, position] = [0, 0];
  let star = -1;
  let resumeAt = 0;
  while (position < subject.length) {
    if (glob[at] === '*') {
      star = at;
      resumeAt = position;
      at += 1;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === subject[position])) {
      at += 1;
      position += 1;
    } else if (star >= 0) {
      resumeAt += 1;
      position = resumeAt;
      at = star + 1;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}

/**
 * Finds for each line the first rule that is for it. What was found is kept by what the rules look at, because the lines
 * of a bill are many and differ in little: 100,000 lines of a cloud bill have some hundred combinations of service,
 * region and tags.
 */
export class RuleMatcher {
  readonly #rules: readonly AllocationRule[];
  readonly #isTenant: (tenant: TenantId) => boolean;
  readonly #fields: readonly MatchField[];
  readonly #tags: readonly string[];
  readonly #known = new Map<string, LineVerdict>();

  /** `isTenant`: whether such a tenant is known; a line that names any other is nobody's. */
  constructor(rules: readonly AllocationRule[], isTenant: (tenant: TenantId) => boolean) {
    this.#rules = rules;
    this.#isTenant = isTenant;
    const sources = rules.flatMap(({ method }) => (method.kind === 'direct' ? [method.from] : []));
    this.#fields = MATCH_FIELDS.filter(
      (field) => sources.some((from) => from === field) || rules.some(({ match }) => match[field] !== undefined),
    );
    const tagSources = sources.flatMap((from) => (typeof from === 'string' ? [] : [from.tag]));
    this.#tags = [...new Set([...tagSources, ...rules.flatMap(({ match }) => Object.keys(match.tags ?? {}))])];
  }

  verdict(line: RuledLine): LineVerdict {
    const key = JSON.stringify([
      line.chargeCategory,
      ...this.#fields.map((field) => line[field]),
      ...this.#tags.map((tag) => tagOf(line, tag) ?? null),
    ]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = this.#decide(line);
    // Resource ids can be as many as lines; the memory is for the usual case.
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(key, found);
    return found;
  }

  #decide(line: RuledLine): LineVerdict {
    for (const [index, { match, method }] of this.#rules.entries()) {
      if (!lineMatches(match, line)) continue;
      if (method.kind !== 'direct') return { rule: index, tenant: null, reason: null };
      const named = sourceText(method.from, line);
      if (named === '') continue;
      const tenant = Object.hasOwn(method.tenants, named) ? method.tenants[named] : named;
      if (isTenantId(tenant) && this.#isTenant(tenant)) return { rule: index, tenant, reason: null };
      return { rule: index, tenant: null, reason: `"${named.slice(0, 128)}" is not a tenant` };
    }
    return { rule: null, tenant: null, reason: 'no rule is for it' };
  }
}

const MOST_KNOWN = 50_000;

function tagOf(line: RuledLine, key: string): string | undefined {
  return Object.hasOwn(line.tags, key) ? line.tags[key] : undefined;
}

function sourceText(from: TenantSource, line: RuledLine): string {
  return typeof from === 'string' ? line[from] : (tagOf(line, from.tag) ?? '');
}

function lineMatches(match: LineMatch, line: RuledLine): boolean {
  if (match.chargeCategories !== undefined && !match.chargeCategories.includes(line.chargeCategory)) return false;
  for (const field of MATCH_FIELDS) {
    const patterns = match[field];
    if (patterns !== undefined && !patterns.some((pattern) => globMatches(pattern, line[field]))) return false;
  }
  return Object.entries(match.tags ?? {}).every(([key, patterns]) => {
    const value = tagOf(line, key);
    return value !== undefined && patterns.some((pattern) => globMatches(pattern, value));
  });
}

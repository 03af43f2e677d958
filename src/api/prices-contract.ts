/** Wire types of prices, contracts and closed months; times are RFC 3339, prices decimal text. Part of `contract.ts`. */
interface PriceStepItem {
  /** From calls with more input tokens than this on. */
  input_over: number;
  price_usd: string;
}

export interface PriceItem {
  id: string;
  /** Whose word it is, the strongest first: tenant, contract, book, seed. */
  layer: 'tenant' | 'contract' | 'book' | 'seed';
  tenant_id: string | null;
  contract: string | null;
  provider: string;
  model: string;
  variant: 'standard' | 'batch' | 'flex' | 'priority';
  kind: string;
  unit: string;
  /** US dollars for `per` units, exact. */
  price_usd: string;
  per: number;
  steps: PriceStepItem[];
  /** Hours of the day in UTC; null: the whole day. */
  daily: { from: string; to: string } | null;
  /** Half-open; null: since ever, until further notice. */
  effective_from: string | null;
  effective_to: string | null;
  source: string;
  source_ref: string;
  /** Version of the book that brought it. */
  version: number;
}

export interface PriceList {
  items: PriceItem[];
  next_cursor: string | null;
  total: number;
  /** Of the book. */
  version: number;
}

export interface BookWriteItem {
  version: number;
  added: number;
  ended: number;
}

interface PriceVersionItem {
  version: number;
  kind: 'seed' | 'import' | 'edit';
  reason: string;
  added: number;
  ended: number;
  by: string;
  at: string;
}

export interface PriceVersionList {
  items: PriceVersionItem[];
}

interface UnpricedItem {
  provider: string;
  model: string;
  reason: string;
  calls: number;
  tenants: number;
}

export interface UnpricedList {
  from: string;
  to: string;
  items: UnpricedItem[];
}

export type PlannedPriceItem = Omit<PriceItem, 'id' | 'layer' | 'tenant_id' | 'contract' | 'version'>;

interface ImportProblemItem {
  where: string;
  reason: string;
}

export interface PriceImportPreview {
  /** Pass it on as `expected_version` to apply what is shown. */
  version: number;
  counts: { added: number; changed: number; removed: number; unchanged: number; errors: number; skipped: number };
  /** Of each at most the first 1,000. */
  added: PlannedPriceItem[];
  changed: { before: PlannedPriceItem[]; after: PlannedPriceItem }[];
  removed: PlannedPriceItem[];
  /** Any of these, and nothing can be applied. */
  errors: ImportProblemItem[];
  /** What the book cannot hold; the rest is taken. */
  skipped: ImportProblemItem[];
}

export interface ContractItem {
  name: string;
  discount_percent: number;
  effective_from: string | null;
  effective_to: string | null;
  tenants: { tenant_id: string; effective_from: string | null; effective_to: string | null }[];
  prices: PriceItem[];
}

export interface ContractList {
  items: ContractItem[];
}

export interface MonthItem {
  /** `2026-10` */
  month: string;
  closed_by: string;
  closed_at: string;
  /** Version of the price book that it stands on. */
  book_version: number;
}

export interface MonthList {
  items: MonthItem[];
}

interface MonthCostItem {
  tenant_id: string;
  closed_micro: number;
  corrections: { repricing_id: string; micro: number }[];
  /** Closed figure and corrections. */
  cost_micro: number;
  unpriced_calls: number;
}

export interface MonthCostList {
  month: string;
  items: MonthCostItem[];
}

interface RepricingDifferenceItem {
  month: string;
  /** Closed months get correction lines; open ones follow the book by themselves. */
  closed: boolean;
  tenant_id: string;
  provider: string;
  model: string;
  before_usd: string;
  after_usd: string;
  difference_usd: string;
  calls: number;
  unpriced_calls_before: number;
  unpriced_calls_after: number;
}

export interface RepricingPreview {
  version: number;
  from_version: number;
  /** What applying would write to closed months, all tenants together. */
  correction_micro: number;
  total: number;
  /** At most the first 10,000. */
  items: RepricingDifferenceItem[];
}

export interface RepricingItem {
  id: string;
  from: string;
  to: string;
  book_version: number;
  reason: string;
  lines: number;
  difference_micro: number;
  by: string;
  at: string;
}

export interface RepricingList {
  items: RepricingItem[];
}

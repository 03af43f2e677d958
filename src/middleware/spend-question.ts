import type { DegradeStep } from '../domain/flags.ts';
import type { Hold, SpendSlices } from './spend-slices.ts';

/** What an AI call needs budget for. */
export interface SpendQuestion {
  readonly tenantId: string;
  readonly key: string | undefined;
  readonly model: string;
  readonly provider: string | undefined;
  readonly estimate: { readonly inputTokens: number; readonly maxOutputTokens: number } | undefined;
  /** In the place of an estimate in tokens. */
  readonly estimateMicro: number | undefined;
}

export type BudgetAnswer =
  | { readonly outcome: 'held'; readonly hold: Hold; readonly slices: SpendSlices; readonly step: DegradeStep }
  /** No cap holds: nothing is counted. */
  | { readonly outcome: 'free'; readonly step: DegradeStep }
  | { readonly outcome: 'refused'; readonly why: 'cap' | 'unpriced' | 'unavailable'; readonly reason: string };

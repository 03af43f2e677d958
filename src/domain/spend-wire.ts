/**
 * What apps and the server say to each other about AI budgets. A reservation may be for one call, or a slice of budget
 * that an app's instance leases ahead and shares out to its calls by itself; on the wire they are the same thing.
 *
 *   POST /v1/spend/reservations   SpendRequest  -> SpendAnswer    repeating it with the same id gives the same answer
 *   POST /v1/spend/settlements    SpendReports  -> SpendReceipts  cumulative figures: repeats and late ones count once
 */
import type { DegradeStep } from './flags.ts';
import type { SpendOnUnavailable, SpendOnUnpriced } from './spend.ts';
import type { TokenRates } from './spend-price.ts';

export interface SpendRequest {
  /** UUID that the app makes up: a request that is repeated because its answer was lost reserves once. */
  id: string;
  tenant_id: string;
  instance_id: string;
  service: string;
  key?: string;
  model?: string;
  provider?: string;
  /** Priced by the server. Alone: for one call, and no more than its price is reserved. */
  estimate?: { input_tokens: number; max_output_tokens: number };
  /** For a slice: the least that is of use (or the estimate's price), and what would be welcome. */
  at_least_micro?: number;
  wanted_micro?: number;
}

export interface SpendAnswer {
  id: string;
  /**
   * granted: reserved. refused: not enough is left. uncapped: no cap holds, nothing was reserved. unpriced: the model
   * has no known price and a cap that holds refuses such calls.
   */
  outcome: 'granted' | 'refused' | 'uncapped' | 'unpriced';
  granted_micro: number;
  /** How long new calls may begin on it; they may be settled later. */
  usable_ms: number;
  /** Until the first of the periods that count here ends; null: no cap holds. */
  resets_ms: number | null;
  /** Not settled or renewed by then, the rest is charged. */
  expires_ms: number;
  /** Whether any cap of the tenant looks at keys or models: if not, one slice serves all of the tenant's calls. */
  by_key: boolean;
  by_model: boolean;
  /** What is left for this scope after the grant; null: no cap refuses anything here. */
  available_micro: number | null;
  /** How far the caps of this scope have got. */
  step: DegradeStep;
  /** One sentence for people about the cap that is nearest to its end; '' when none holds. */
  reason: string;
  /** Strictest of the caps that hold. */
  on_unavailable: SpendOnUnavailable;
  on_unpriced: SpendOnUnpriced;
  /** null: the price book has no price for the model, or none was named. */
  rates: TokenRates | null;
}

/** What has become of one reservation so far; every figure only ever grows, but `keep_micro`. */
export interface SpendReport {
  id: string;
  tenant_id: string;
  /** Cost of all calls that have ended. */
  spent_micro: number;
  calls: number;
  unpriced_calls: number;
  excess_calls: number;
  excess_micro: number;
  largest_excess_micro: number;
  /** Calls that run right now. */
  in_flight: number;
  /** Set when no further call begins on it: so much is held by those that run, the rest may go back. */
  keep_micro?: number;
  /** Nothing more will come: what is left goes back. */
  closed: boolean;
  /** For spending without a reservation: the scope that it belongs to. */
  unreserved?: { key?: string; model?: string };
}

export interface SpendReports {
  instance_id: string;
  service: string;
  items: SpendReport[];
}

export interface SpendReceipt {
  id: string;
  /** open: renewed. closed: settled. presumed: it had expired and was charged; the report has corrected that. */
  state: 'open' | 'closed' | 'presumed' | 'unknown';
}

export interface SpendReceipts {
  items: SpendReceipt[];
}

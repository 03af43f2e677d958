import { fromQuantiles, type Random } from './random.ts';

/**
 * Quantiles of the conversation trace of Azure's LLM inference service (AzurePublicDataset, LLM inference trace of
 * November 2023, 19,366 calls, CC-BY 4.0; Patel et al., "Splitwise", ISCA 2024). The distributions have several humps
 * (prompts near 400 and 1,050 tokens, answers near 100 and 400), which no single log-normal has.
 */
const PROMPT_TOKENS = [
  [0, 2],
  [0.01, 29],
  [0.05, 181],
  [0.1, 207],
  [0.15, 372],
  [0.2, 387],
  [0.25, 396],
  [0.3, 403],
  [0.35, 414],
  [0.4, 703],
  [0.45, 984],
  [0.5, 1_020],
  [0.55, 1_045],
  [0.6, 1_071],
  [0.65, 1_097],
  [0.7, 1_130],
  [0.75, 1_189],
  [0.8, 1_315],
  [0.85, 1_877],
  [0.9, 2_735],
  [0.95, 4_083],
  [0.99, 4_142],
  [0.999, 6_212],
  [1, 14_050],
] as const;

const ANSWER_TOKENS = [
  [0, 7],
  [0.01, 16],
  [0.05, 41],
  [0.1, 54],
  [0.15, 67],
  [0.2, 77],
  [0.25, 85],
  [0.3, 91],
  [0.35, 96],
  [0.4, 103],
  [0.45, 113],
  [0.5, 129],
  [0.55, 151],
  [0.6, 177],
  [0.65, 217],
  [0.7, 384],
  [0.75, 395],
  [0.8, 400],
  [0.85, 411],
  [0.9, 424],
  [0.95, 451],
  [0.99, 601],
  [0.999, 954],
  [1, 1_000],
] as const;

export interface TokenSizes {
  readonly prompt: number;
  readonly answer: number;
}

/** Tokens of one call. Drawn apart: in the trace the two correlate by -0.11 only. */
export function drawTokenSizes(random: Random): TokenSizes {
  return {
    prompt: Math.round(fromQuantiles(PROMPT_TOKENS, random())),
    answer: Math.round(fromQuantiles(ANSWER_TOKENS, random())),
  };
}

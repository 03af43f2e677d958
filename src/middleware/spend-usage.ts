import type { CallTokens } from '../domain/spend-price.ts';
import { allFiguresOf } from './ai-figures.ts';

/** What a call has cost: its tokens, or micro-US-dollars. */
export type SpendUsage = CallTokens | { readonly micro: number };

/** An answer of a provider that says that it has not worked: clients put its status on the error. */
export function isRefusal(error: unknown): boolean {
  const { status, statusCode = status } = (error ?? {}) as { status?: unknown; statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
}

/** What an answer says of its own usage; undefined when it says nothing, as a stream that is not read yet. */
export function usageOfAnswer(answer: unknown): SpendUsage | undefined {
  const all = allFiguresOf(answer);
  if (all.every(({ inputTokens, outputTokens }) => inputTokens === undefined && outputTokens === undefined)) {
    return undefined;
  }
  const total = (name: 'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens' | 'reasoningTokens') =>
    all.reduce((sum, figures) => sum + (figures[name] ?? 0), 0);
  return {
    inputTokens: total('inputTokens'),
    outputTokens: total('outputTokens'),
    cacheReadTokens: total('cacheReadTokens'),
    cacheWriteTokens: total('cacheWriteTokens'),
    reasoningTokens: total('reasoningTokens'),
  };
}

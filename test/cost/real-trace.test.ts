import { readFileSync } from 'node:fs';
import { calcPrice } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { microOfPico } from '../../src/cost/ai-cost.ts';
import type { AiUsage } from '../../src/domain/ai-usage.ts';
import { oneCall, rolledUp } from '../support/cost-usage.ts';
import { seedPrice } from '../support/price-books.ts';

const TRACE = new URL('../../../shared/data/llm-trace/AzureLLMInferenceTrace_conv.csv', import.meta.url);
const AT = new Date('2026-11-01T12:00:00Z');

/** One hour of real calls as [prompt tokens, generated tokens]; undefined where the data set is not at hand. */
function readTrace(): [number, number][] | undefined {
  try {
    const [, ...lines] = readFileSync(TRACE, 'utf8').trim().split(/\r?\n/);
    return lines.map((line) => {
      const [, prompt, generated] = line.split(',').map(Number);
      return [prompt ?? Number.NaN, generated ?? Number.NaN];
    });
  } catch {
    return undefined;
  }
}

/** A price in dollars per million as pico-dollars per token, by moving the decimal point in its text: no float. */
function picoByText(perMillion: unknown): bigint {
  const [whole = '0', fraction = ''] = String(perMillion).split('.');
  expect(fraction.length).toBeLessThanOrEqual(6);
  return BigInt(whole + fraction.padEnd(6, '0'));
}

function sumOf(usages: readonly AiUsage[]): bigint {
  return usages.reduce((sum, usage) => {
    const price = seedPrice(usage, AT);
    if (!('costPico' in price)) throw new Error(`no price: ${price.unpriced}`);
    return sum + price.costPico;
  }, 0n);
}

describe('one hour of real LLM calls (Azure LLM inference trace 2023, conversations)', () => {
  const trace = readTrace();

  it('costs line by line and in sum what an independent calculation says', (context) => {
    if (trace === undefined) return context.skip('the trace ../shared/data/llm-trace is not at hand');
    expect(trace.length).toBeGreaterThan(19_000);
    const list = calcPrice({}, 'gpt-4o', { providerId: 'openai', timestamp: AT })?.model_price;
    const [input, output] = [picoByText(list?.['input_mtok']), picoByText(list?.['output_mtok'])];
    let total = 0n;
    const calls = trace.map(([inputTokens, outputTokens]) => oneCall({ inputTokens, outputTokens }));
    for (const call of calls) {
      const expected = BigInt(call.inputTokens) * input + BigInt(call.outputTokens) * output;
      expect(seedPrice(call, AT)).toEqual({ costPico: expected });
      total += expected;
    }
    expect(microOfPico(sumOf(calls))).toBe((total + 500_000n) / 1_000_000n);
  });

  it('costs the same in rows by input size as call by call, with long contexts at their own rate', (context) => {
    if (trace === undefined) return context.skip('the trace ../shared/data/llm-trace is not at hand');
    // A hundred times the real prompts: about a third of the calls then exceed the first tier of this model.
    const calls = trace.map(([prompt, outputTokens]) =>
      oneCall({ provider: 'gcp.gemini', model: 'gemini-2.5-pro', inputTokens: prompt * 100, outputTokens }),
    );
    const rows = rolledUp(calls);
    expect(rows.length).toBeGreaterThan(2);
    const independent = calls.reduce((pico: bigint, { inputTokens, outputTokens }: AiUsage) => {
      const long = inputTokens > 200_000;
      return (
        pico +
        BigInt(inputTokens) * (long ? 2_500_000n : 1_250_000n) +
        BigInt(outputTokens) * (long ? 15_000_000n : 10_000_000n)
      );
    }, 0n);
    expect(sumOf(rows)).toBe(independent);
    expect(sumOf(calls)).toBe(independent);
  });
});

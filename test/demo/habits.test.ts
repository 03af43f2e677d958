import { existsSync, readFileSync } from 'node:fs';
import { calcPrice } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { isNoisyAt, planRequest } from '../../src/demo/load.ts';
import { poissonGapMs, seededRandom } from '../../src/demo/random.ts';
import { MODELS, makeTenants, UNPRICED_MODEL } from '../../src/demo/tenants.ts';
import { drawTokenSizes } from '../../src/demo/token-sizes.ts';
import { isTenantId } from '../../src/domain/tenant-id.ts';

/** The conversation trace that the generator's quantiles were taken from; not part of the repository. */
const TRACE = new URL('../../../shared/data/llm-trace/AzureLLMInferenceTrace_conv.csv', import.meta.url);
const DRAWS = 40_000;

const sorted = (values: number[]) => values.sort((a, b) => a - b);
const quantile = (values: readonly number[], share: number) => values[Math.floor(share * values.length)] ?? Number.NaN;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function draw() {
  const random = seededRandom(7);
  const sizes = Array.from({ length: DRAWS }, () => drawTokenSizes(random));
  return { prompt: sorted(sizes.map((s) => s.prompt)), answer: sorted(sizes.map((s) => s.answer)) };
}

describe('token sizes', () => {
  it('have the means of the published trace (1,155 and 211 tokens)', () => {
    const { prompt, answer } = draw();
    expect(Math.abs(mean(prompt) / 1_155 - 1)).toBeLessThan(0.05);
    expect(Math.abs(mean(answer) / 211 - 1)).toBeLessThan(0.05);
    expect(prompt[0]).toBeGreaterThan(0);
  });

  it('have the quantiles of the trace itself', (ctx) => {
    if (!existsSync(TRACE)) ctx.skip('the LLM trace is not on this machine (it is not part of the repository)');
    const rows = readFileSync(TRACE, 'utf8').trim().split('\n').slice(1);
    const columns = rows.map((row) => row.split(',').map(Number));
    const { prompt, answer } = draw();
    const compare = (drawn: readonly number[], column: number) => {
      const traced = sorted(columns.map((row) => row[column] ?? Number.NaN));
      expect(traced).toHaveLength(19_366);
      // Between the table's points, too; the distributions are steppy, so a step may fall a little to either side.
      for (const share of [0.05, 0.15, 0.25, 0.35, 0.5, 0.65, 0.75, 0.85, 0.95, 0.99]) {
        const low = quantile(traced, Math.max(0, share - 0.03)) * 0.9;
        const high = quantile(traced, Math.min(0.9999, share + 0.03)) * 1.1;
        expect(quantile(drawn, share), `quantile ${share} of column ${column}`).toBeGreaterThanOrEqual(low);
        expect(quantile(drawn, share), `quantile ${share} of column ${column}`).toBeLessThanOrEqual(high);
      }
    };
    compare(prompt, 1);
    compare(answer, 2);
  });
});

describe('tenants', () => {
  const tenants = makeTenants(40, 1);

  it('are forty different ones with well-formed ids, the same for the same seed', () => {
    expect(new Set(tenants.map((tenant) => tenant.id)).size).toBe(40);
    expect(tenants.every((tenant) => isTenantId(tenant.id))).toBe(true);
    expect(makeTenants(40, 1)).toEqual(tenants);
    expect(makeTenants(40, 2)).not.toEqual(tenants);
    expect(new Set(makeTenants(90, 1).map((tenant) => tenant.id)).size).toBe(90);
  });

  it('have every plan and every way to identify, one noisy one, agents, and heavy users', () => {
    expect(new Set(tenants.map((tenant) => tenant.plan))).toEqual(new Set(['free', 'team', 'business', 'enterprise']));
    expect(new Set(tenants.map((tenant) => tenant.access))).toEqual(new Set(['jwt', 'subdomain', 'header']));
    expect(tenants.filter((tenant) => tenant.noisy)).toHaveLength(1);
    expect(tenants.some((tenant) => tenant.usesAgent && tenant.aiShare > 0)).toBe(true);
    const weights = tenants.map((tenant) => tenant.weight).sort((a, b) => b - a);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const topFifth = weights.slice(0, 8).reduce((sum, weight) => sum + weight, 0);
    expect(topFifth / total).toBeGreaterThan(0.4);
  });

  it('use models that the price list knows, and one that it does not', () => {
    const priceOf = (model: { provider: string; name: string }) =>
      calcPrice({ input_tokens: 1_000, output_tokens: 1_000 }, model.name, {
        providerId: { 'gcp.gemini': 'google', mistral_ai: 'mistral' }[model.provider] ?? model.provider,
      })?.total_price;
    for (const model of MODELS) expect(priceOf(model), model.name).toBeGreaterThan(0);
    expect(priceOf({ ...UNPRICED_MODEL, provider: 'openai' })).toBeUndefined();
    const asking = tenants.filter((tenant) => tenant.aiShare > 0);
    expect(asking.some((tenant) => tenant.models.includes(UNPRICED_MODEL))).toBe(true);
  });
});

describe('load', () => {
  it('makes the noisy tenant noisy at the end of each period', () => {
    const options = { rate: 1, noisyEverySeconds: 240, noisyForSeconds: 90 };
    expect([0, 149, 150, 239, 240, 389, 390].map((at) => isNoisyAt(at, options))).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
      true,
    ]);
    expect(isNoisyAt(239, { ...options, noisyForSeconds: 0 })).toBe(false);
  });

  it('arrives at the rate asked for, without a rhythm', () => {
    const random = seededRandom(3);
    const gaps = Array.from({ length: 50_000 }, () => poissonGapMs(60, random));
    const average = mean(gaps);
    expect(Math.abs(average / (1_000 / 60) - 1)).toBeLessThan(0.02);
    const deviation = Math.sqrt(mean(gaps.map((gap) => (gap - average) ** 2)));
    expect(Math.abs(deviation / average - 1)).toBeLessThan(0.03);
  });

  it('asks the assistant as often as the tenant does, and fails as often as it should', () => {
    const random = seededRandom(5);
    const [tenant] = makeTenants(1, 1);
    if (tenant === undefined) throw new Error('no tenant');
    const habits = { ...tenant, aiShare: 0.25, errorShare: 0.05 };
    const planned = Array.from({ length: 20_000 }, () => planRequest(habits, false, random));
    const assists = planned.filter((request) => request.route === 'POST /api/assist');
    expect(assists.length / planned.length).toBeCloseTo(0.25, 1);
    expect(assists.filter((request) => request.assist?.fail).length / assists.length).toBeCloseTo(0.05, 1);
    expect(planned.every((request) => request.tenant === tenant.id)).toBe(true);
  });
});

/** A scripted run of the demo SaaS, and what each tenant must then be shown, worked out by hand from the plan. */
import { calcPrice } from '@pydantic/genai-prices';
import { seededRandom } from '../../src/demo/random.ts';
import type { PlannedRequest, RouteName } from '../../src/demo/requests.ts';
import { type DemoTenant, type Model, UNPRICED_MODEL } from '../../src/demo/tenants.ts';

export interface ModelCall {
  readonly model: Model;
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly reasoning: number;
}

/** What the list of tenants must say of one tenant. */
export interface ExpectedFigures {
  readonly requests: number;
  readonly errors: number;
  readonly db_calls: number;
  readonly cache_hits: number;
  readonly cache_misses: number;
  readonly ai_calls: number;
  readonly ai_input_tokens: number;
  readonly ai_output_tokens: number;
  readonly ai_cache_read_tokens: number;
  readonly ai_cache_write_tokens: number;
  readonly ai_reasoning_tokens: number;
  readonly ai_unpriced_calls: number;
}

const MISSING_PROJECT = 9_999;
const CATALOGUE_IDS: Readonly<Record<string, string>> = { 'gcp.gemini': 'google', mistral_ai: 'mistral' };

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

function requestsOf({ id: tenant }: DemoTenant, index: number): PlannedRequest[] {
  const assist = (k: number, fail: boolean): PlannedRequest => ({
    tenant,
    route: 'POST /api/assist',
    assist: {
      topic: `${fail ? 'failing' : 'topic'}-${k}`,
      promptTokens: 200 + 137 * k + 31 * index,
      answerTokens: 20 + 7 * k + index,
      fail,
    },
  });
  return [
    ...times(10 + index, () => ({ tenant, route: 'GET /api/projects' as const })),
    // Each project once: all of them are looked up in the cache in vain.
    ...times(8 + index, (k) => ({ tenant, route: 'GET /api/projects/:id' as const, projectId: k + 1 })),
    ...times(index % 3, () => ({ tenant, route: 'GET /api/projects/:id' as const, projectId: MISSING_PROJECT })),
    ...times(3 + (index % 4), (k) => ({
      tenant,
      route: 'POST /api/projects/:id/comments' as const,
      projectId: k + 1,
    })),
    ...times(5 + (index % 5), () => ({ tenant, route: 'GET /api/search' as const, words: 'ipsum' })),
    ...times(6 + index, (k) => assist(k, false)),
    ...times(index % 4 === 1 ? 2 : 0, (k) => assist(k, true)),
  ];
}

/** Requests over all routes, failing ones included, in an order in which tenants and routes are mixed. */
export function mixedScript(tenants: readonly DemoTenant[]): PlannedRequest[] {
  const random = seededRandom(7);
  return tenants
    .flatMap(requestsOf)
    .map((request) => ({ request, at: random() }))
    .toSorted((left, right) => left.at - right.at)
    .map(({ request }) => request);
}

/** Questions of the script asked again: answered from the cache if it has not been half a minute. */
export function repeatedQuestions(script: readonly PlannedRequest[]): PlannedRequest[] {
  return script.filter(({ assist }) => assist !== undefined && /^topic-[0-2]$/.test(assist.topic));
}

function splitInTwo(tokens: number): readonly [number, number] {
  return [Math.ceil(tokens / 2), Math.floor(tokens / 2)];
}

/** The calls to models that a question takes: agents take two, a failing one is tried once and used nothing. */
export function callsOf(tenant: DemoTenant, { assist }: PlannedRequest): ModelCall[] {
  if (assist === undefined) return [];
  const { promptTokens, answerTokens, fail } = assist;
  const model = tenant.models[promptTokens % tenant.models.length];
  if (model === undefined) throw new RangeError(`${tenant.id} has no model`);
  if (fail) return [{ model, input: 0, output: 0, cacheRead: 0, reasoning: 0 }];
  const inputs = tenant.usesAgent ? splitInTwo(promptTokens) : [promptTokens];
  const outputs = tenant.usesAgent ? splitInTwo(answerTokens) : [answerTokens];
  return inputs.map((input, part) => {
    const output = outputs[part] ?? 0;
    // The provider's own rules: long prompts are half cached, reasoning models spend 40 % on thinking.
    const cacheRead = input >= 1_024 ? Math.floor(input / 2) : 0;
    return { model, input, output, cacheRead, reasoning: model.reasons ? Math.floor(output * 0.4) : 0 };
  });
}

export function sumOf<T>(items: readonly T[], pick: (item: T) => number): number {
  return items.reduce((sum, item) => sum + pick(item), 0);
}

/** @param mine the tenant's requests of the script  @param repeats those of them that were asked again */
export function expectedFigures(
  tenant: DemoTenant,
  mine: readonly PlannedRequest[],
  repeats: readonly PlannedRequest[],
): ExpectedFigures {
  const on = (route: RouteName) => mine.filter((request) => request.route === route);
  const found = on('GET /api/projects/:id').filter(({ projectId }) => projectId !== MISSING_PROJECT).length;
  const missing = on('GET /api/projects/:id').length - found;
  const calls = on('POST /api/assist').flatMap((request) => callsOf(tenant, request));
  return {
    requests: mine.length + repeats.length,
    errors: on('POST /api/assist').filter(({ assist }) => assist?.fail === true).length,
    db_calls:
      on('GET /api/projects').length +
      2 * found + // the project, and its comments
      missing +
      on('POST /api/projects/:id/comments').length +
      on('GET /api/search').length,
    cache_hits: repeats.length,
    cache_misses: found + missing + on('POST /api/assist').length,
    ai_calls: calls.length,
    ai_input_tokens: sumOf(calls, ({ input }) => input),
    ai_output_tokens: sumOf(calls, ({ output }) => output),
    ai_cache_read_tokens: sumOf(calls, ({ cacheRead }) => cacheRead),
    ai_cache_write_tokens: 0,
    ai_reasoning_tokens: sumOf(calls, ({ reasoning }) => reasoning),
    ai_unpriced_calls: calls.filter(({ model }) => model === UNPRICED_MODEL).length,
  };
}

/** Micro-US-dollars of calls by the price package alone; calls of the model without a price are left out. */
export function costMicro(calls: readonly ModelCall[]): number {
  const dollars = calls
    .filter(({ model }) => model !== UNPRICED_MODEL)
    .map(({ model, input, output, cacheRead, reasoning }) => {
      const usage = {
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: cacheRead,
        output_reasoning_tokens: reasoning,
      };
      const providerId = CATALOGUE_IDS[model.provider] ?? model.provider;
      const price = calcPrice(usage, model.name, { providerId, timestamp: new Date() });
      if (price === null) throw new RangeError(`${model.provider}/${model.name} has no price`);
      return price.total_price;
    });
  return Math.round(dollars.reduce((sum, one) => sum + one, 0) * 1e6);
}

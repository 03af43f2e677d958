import { type Attributes, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { callHttp } from './http-call.ts';
import type { ModelReply, ModelRequest } from './outside-world.ts';
import type { DemoTenant, Model } from './tenants.ts';

/** What an answer used, summed over the model calls it took. */
export interface AnswerUsage {
  readonly calls: number;
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly reasoning: number;
}

export interface Question {
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Ask the provider for a failure. */
  readonly fail: boolean;
}

/** The app answers 502: the fault is the provider's. */
class ProviderError extends Error {
  readonly statusCode = 502;
  override readonly name = 'ProviderError';
}

const tracer = trace.getTracer('demo-assistant');

function usageAttributes(usage: AnswerUsage | ModelReply['usage']): Attributes {
  return {
    'gen_ai.usage.input_tokens': usage.input,
    'gen_ai.usage.output_tokens': usage.output,
    ...(usage.cacheRead === 0 ? {} : { 'gen_ai.usage.cache_read.input_tokens': usage.cacheRead }),
    ...(usage.reasoning === 0 ? {} : { 'gen_ai.usage.reasoning.output_tokens': usage.reasoning }),
  };
}

function add(a: AnswerUsage, b: AnswerUsage): AnswerUsage {
  return {
    calls: a.calls + b.calls,
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    reasoning: a.reasoning + b.reasoning,
  };
}

async function inSpan<T>(
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return await tracer.startActiveSpan(name, { kind, attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** One call to a model, with the span that GenAI semantic conventions describe. */
async function chat(providerPort: number, model: Model, question: Question): Promise<AnswerUsage> {
  const attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': model.provider,
    'gen_ai.request.model': model.name,
  };
  return await inSpan(`chat ${model.name}`, SpanKind.CLIENT, attributes, async (span) => {
    const body: ModelRequest = { model: model.name, ...question };
    const answer = await callHttp({ port: providerPort, method: 'POST', path: '/v1/chat/completions', body });
    if (answer.status !== 200) throw new ProviderError(`The model provider answered ${answer.status}`);
    const reply = JSON.parse(answer.body) as ModelReply;
    span.setAttributes({
      'gen_ai.response.model': reply.model,
      'gen_ai.response.id': reply.id,
      ...usageAttributes(reply.usage),
    });
    return { calls: 1, ...reply.usage };
  });
}

function splitInTwo(question: Question): readonly [Question, Question] {
  const first = {
    ...question,
    promptTokens: Math.ceil(question.promptTokens / 2),
    answerTokens: Math.ceil(question.answerTokens / 2),
  };
  const second = {
    ...question,
    promptTokens: question.promptTokens - first.promptTokens,
    answerTokens: question.answerTokens - first.answerTokens,
  };
  return [first, second];
}

/**
 * Answers a question for a tenant. Agents take two model calls; their span repeats the sum, as agent frameworks do.
 * @throws Error when the provider fails
 */
export async function answerQuestion(
  providerPort: number,
  tenant: DemoTenant,
  question: Question,
): Promise<AnswerUsage> {
  const model = tenant.models[question.promptTokens % tenant.models.length] ?? tenant.models[0];
  if (model === undefined) throw new RangeError(`${tenant.id} has no model`);
  if (!tenant.usesAgent) return await chat(providerPort, model, question);
  const attributes = {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.name': 'assistant',
    'gen_ai.provider.name': model.provider,
    'gen_ai.request.model': model.name,
  };
  return await inSpan('invoke_agent assistant', SpanKind.INTERNAL, attributes, async (span) => {
    const [plan, act] = splitInTwo(question);
    const sum = add(await chat(providerPort, model, plan), await chat(providerPort, model, act));
    span.setAttributes(usageAttributes(sum));
    return sum;
  });
}

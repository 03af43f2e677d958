/** The AI provider stand-in and a real tracer provider together, and what a test wants to know of the spans. */
import { expect } from 'vitest';
import { runAsTenant } from '../../src/middleware/index.ts';
import { type AiServer, startAiServer } from './middleware-ai-server.ts';
import { type EndedSpan, startTestTracing, type TestTracing } from './middleware-tracing.ts';

export interface AiWorld {
  readonly server: AiServer;
  readonly tracing: TestTracing;
  /** The spans of `work`, done for the tenant `acme`: with the tenant on each, and no word of `SECRET…` in any. */
  spansOf(work: () => Promise<unknown>): Promise<readonly EndedSpan[]>;
  /** The attributes of its only span, without the time to the first chunk, which a stream must have. */
  attributesOf(work: () => Promise<unknown>): Promise<Readonly<Record<string, unknown>>>;
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export async function startAiWorld(): Promise<AiWorld> {
  const server = await startAiServer();
  const tracing = startTestTracing({ http: false });
  const reset = async () => {
    await tracing.flush();
    tracing.exporter.reset();
  };
  const spansOf = async (work: () => Promise<unknown>) => {
    await reset();
    await runAsTenant('acme', work);
    const spans = await tracing.flush();
    const told = spans.map(({ name, attributes, events, status }) => [name, attributes, events, status]);
    expect(JSON.stringify(told)).not.toMatch(/SECRET/);
    for (const { attributes } of spans) expect(attributes['tenant_id']).toBe('acme');
    return [...spans];
  };
  return {
    server,
    tracing,
    spansOf,
    attributesOf: async (work) => {
      const spans = await spansOf(work);
      expect(spans).toHaveLength(1);
      const { 'gen_ai.response.time_to_first_chunk': first, ...attributes } = spans[0]?.attributes ?? {};
      if (attributes['gen_ai.request.stream'] === true) expect(first).toBeGreaterThan(0);
      return attributes;
    },
    reset,
    stop: async () => {
      await tracing.stop();
      await server.close();
    },
  };
}

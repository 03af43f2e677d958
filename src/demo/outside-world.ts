/**
 * What the demo SaaS calls over the network: a model provider and its tenants' webhook receivers. A real HTTP server on
 * a port of its own, so that the app's calls are real; it is not part of the app and must not be traced.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from './random.ts';

export interface OutsideWorld {
  readonly port: number;
  close(): Promise<void>;
}

export interface ModelRequest {
  readonly model: string;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly fail: boolean;
}

export interface ModelReply {
  readonly id: string;
  readonly model: string;
  readonly usage: {
    readonly input: number;
    readonly output: number;
    readonly cacheRead: number;
    readonly reasoning: number;
  };
}

/** Prompts from here on start with an instruction that the provider has cached. */
const CACHED_FROM_TOKENS = 1_024;
const CACHED_SHARE = 0.5;
const REASONING_SHARE = 0.4;
/** Time to the first token and per token; a quarter of a real provider's, or the demo would mostly wait. */
const FIRST_TOKEN_MS = 15;
const TOKEN_MS = 0.15;
const WEBHOOK_FAILURE_SHARE = 0.9;

function replyTo(request: ModelRequest, reasons: boolean, serial: number): ModelReply {
  return {
    id: `chatcmpl-${serial}`,
    model: request.model,
    usage: {
      input: request.promptTokens,
      output: request.answerTokens,
      cacheRead: request.promptTokens >= CACHED_FROM_TOKENS ? Math.floor(request.promptTokens * CACHED_SHARE) : 0,
      reasoning: reasons ? Math.floor(request.answerTokens * REASONING_SHARE) : 0,
    },
  };
}

async function bodyOf(request: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

export async function startOutsideWorld(reasoningModels: ReadonlySet<string>, random: Random): Promise<OutsideWorld> {
  let serial = 0;
  const answer = (response: http.ServerResponse, status: number, body: unknown, afterMs: number) =>
    setTimeout(
      () => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      afterMs,
    );
  const serve = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const text = await bodyOf(request);
    if (request.url?.startsWith('/webhooks/')) {
      const fails = request.url.endsWith('/broken') && random() < WEBHOOK_FAILURE_SHARE;
      answer(response, fails ? 503 : 204, {}, 2 + random() * 6);
      return;
    }
    const asked = JSON.parse(text) as ModelRequest;
    if (asked.fail) {
      answer(response, 529, { error: { type: 'overloaded_error' } }, FIRST_TOKEN_MS);
      return;
    }
    serial += 1;
    const reply = replyTo(asked, reasoningModels.has(asked.model), serial);
    answer(response, 200, reply, FIRST_TOKEN_MS + asked.answerTokens * TOKEN_MS);
  };
  const server = http.createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

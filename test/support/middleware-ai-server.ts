/** An HTTP server that answers as the AI providers document it, streams included; figures and not words matter. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Readonly<Record<string, unknown>>;

interface SsePart {
  readonly event?: string;
  readonly data: Json | '[DONE]';
}

interface Answers {
  readonly body: Json;
  readonly stream?: readonly SsePart[];
}

const CHAT_USAGE = {
  prompt_tokens: 1_000,
  completion_tokens: 200,
  total_tokens: 1_200,
  prompt_tokens_details: { cached_tokens: 300, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 50, audio_tokens: 0 },
};

const chunkOf = (more: Json): SsePart => ({
  data: {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'gpt-4o-2024-08-06',
    choices: [],
    ...more,
  },
});
const choice = (content: string, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason }],
});

const chatCompletions: Answers = {
  body: {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-4o-2024-08-06',
    choices: [
      { index: 0, message: { role: 'assistant', content: 'SECRET-COMPLETION', refusal: null }, finish_reason: 'stop' },
    ],
    usage: CHAT_USAGE,
  },
  stream: [
    chunkOf(choice('SECRET-')),
    chunkOf(choice('COMPLETION')),
    chunkOf(choice('', 'stop')),
    chunkOf({ usage: CHAT_USAGE }),
    { data: '[DONE]' },
  ],
};

const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'gpt-4.1-2025-04-14',
  output: [
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'SECRET-COMPLETION', annotations: [] }],
    },
  ],
  usage: {
    input_tokens: 2_000,
    input_tokens_details: { cached_tokens: 500, cache_write_tokens: 100 },
    output_tokens: 90,
    output_tokens_details: { reasoning_tokens: 40 },
    total_tokens: 2_090,
  },
};

const responses: Answers = {
  body: RESPONSE,
  stream: [
    {
      event: 'response.created',
      data: {
        type: 'response.created',
        sequence_number: 0,
        response: { ...RESPONSE, status: 'in_progress', output: [], usage: null },
      },
    },
    {
      event: 'response.completed',
      data: { type: 'response.completed', sequence_number: 1, response: RESPONSE },
    },
  ],
};

const embeddings: Answers = {
  body: {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: 'AACAPwAAAEA=' }],
    model: 'text-embedding-3-small',
    usage: { prompt_tokens: 77, total_tokens: 77 },
  },
};

/** Cache reads and writes stand beside the 100 input tokens. */
const ANTHROPIC_USAGE = {
  input_tokens: 100,
  cache_read_input_tokens: 1_000,
  cache_creation_input_tokens: 200,
  cache_creation: { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 0 },
  output_tokens: 60,
  output_tokens_details: { thinking_tokens: 25 },
  service_tier: 'standard',
};
const MESSAGE = {
  id: 'msg_01',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-5-5-20260901',
  content: [{ type: 'text', text: 'SECRET-COMPLETION' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: ANTHROPIC_USAGE,
};
const anthropicEvent = (type: string, more: Json = {}): SsePart => ({ event: type, data: { type, ...more } });

const messages: Answers = {
  body: MESSAGE,
  stream: [
    anthropicEvent('message_start', {
      message: {
        ...MESSAGE,
        content: [],
        stop_reason: null,
        usage: { ...ANTHROPIC_USAGE, output_tokens: 1, output_tokens_details: null },
      },
    }),
    anthropicEvent('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    anthropicEvent('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'SECRET-COMPLETION' } }),
    anthropicEvent('content_block_stop', { index: 0 }),
    anthropicEvent('message_delta', {
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: {
        input_tokens: null,
        cache_read_input_tokens: null,
        cache_creation_input_tokens: null,
        output_tokens: 60,
        output_tokens_details: { thinking_tokens: 25 },
      },
    }),
    anthropicEvent('message_stop'),
  ],
};

const COHERE_USAGE = {
  billed_units: { input_tokens: 500, output_tokens: 70 },
  tokens: { input_tokens: 571, output_tokens: 72 },
  cached_tokens: 128,
};

const cohereChat: Answers = {
  body: {
    id: 'c-1',
    finish_reason: 'COMPLETE',
    message: { role: 'assistant', content: [{ type: 'text', text: 'SECRET-COMPLETION' }] },
    usage: COHERE_USAGE,
  },
  stream: [
    { data: { type: 'message-start', id: 'c-1', delta: { message: { role: 'assistant' } } } },
    {
      data: {
        type: 'content-delta',
        index: 0,
        delta: { message: { content: { text: 'SECRET-COMPLETION' } } },
      },
    },
    { data: { type: 'message-end', id: 'c-1', delta: { finish_reason: 'COMPLETE', usage: COHERE_USAGE } } },
    { data: '[DONE]' },
  ],
};

const ANSWERS: Readonly<Record<string, Answers>> = {
  '/chat/completions': chatCompletions,
  '/responses': responses,
  '/embeddings': embeddings,
  '/v1/messages': messages,
  '/v2/chat': cohereChat,
  '/v2/embed': {
    body: {
      id: 'e-1',
      embeddings: { float: [[0.1, 0.2]] },
      texts: ['SECRET-PROMPT'],
      meta: { api_version: { version: '2' }, billed_units: { input_tokens: 33 } },
      response_type: 'embeddings_by_type',
    },
  },
  '/v2/rerank': {
    body: {
      id: 'r-1',
      results: [{ index: 0, relevance_score: 0.9 }],
      meta: { api_version: { version: '2' }, billed_units: { search_units: 3 } },
    },
  },
};

async function bodyOf(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}') as Json;
}

function writeStream(response: ServerResponse, parts: readonly SsePart[], hangAfter: number | undefined): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req-1', 'request-id': 'req-1' });
  for (const { event, data } of parts.slice(0, hangAfter)) {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    response.write(`${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`);
  }
  if (hangAfter === undefined) response.end();
}

export interface AiServer {
  readonly url: string;
  /** Bodies that came, oldest first. */
  readonly requests: readonly Json[];
  /** The next stream stops after so many parts and stays open. */
  hangAfter(parts: number): void;
  /** The next answer has this status. */
  failWith(status: number): void;
  close(): Promise<void>;
}

export async function startAiServer(): Promise<AiServer> {
  const requests: Json[] = [];
  let hang: number | undefined;
  let failure: number | undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(request);
    requests.push(body);
    const known = ANSWERS[new URL(request.url ?? '', 'http://ai').pathname];
    if (known === undefined || failure !== undefined) {
      response.writeHead(failure ?? 404, { 'content-type': 'application/json' });
      failure = undefined;
      response.end('{"error":{"message":"SECRET-KEY sk-123 is over its quota","type":"overloaded"}}');
      return;
    }
    if (body['stream'] === true && known.stream !== undefined) {
      writeStream(response, known.stream, hang);
      hang = undefined;
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'x-request-id': 'req-1', 'request-id': 'req-1' });
    response.end(JSON.stringify(known.body));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hangAfter: (parts) => {
      hang = parts;
    },
    failWith: (status) => {
      failure = status;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

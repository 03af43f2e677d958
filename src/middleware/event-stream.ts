/**
 * The two HTTP calls of the flag client, on Node's own http: unlike fetch it lets the socket be unreferenced, so that a
 * listening flag client never keeps an app's process alive, and it follows no redirect, so that the key goes to nobody
 * else. `node:http` is imported on first use: an app's instrumentation may not have patched it before that.
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { createParser } from 'eventsource-parser';

/** Flags of about 3,000 tenants; what is larger is no flag event. */
const MAX_EVENT_CHARACTERS = 1024 * 1024;
const MAX_RETRY_AFTER_SECONDS = 60;

export type StreamEnd =
  | { readonly why: 'ended' | 'failed' | 'idle' | 'too-large' }
  | { readonly why: 'rejected'; readonly status: number; readonly retryAfterMs: number };

export interface StreamHandlers {
  onOpen(): void;
  onEvent(type: string, data: string): void;
  /** Called exactly once. */
  onEnd(end: StreamEnd): void;
}

export interface OpenStream {
  close(): void;
}

async function send(url: URL, options: RequestOptions): Promise<ClientRequest> {
  const { default: http } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  // agent: false gives the call a connection of its own, which dies with it.
  const call = http.request(url, { ...options, agent: false });
  call.on('socket', (socket) => socket.unref());
  return call;
}

function rejection(response: IncomingMessage): StreamEnd {
  const seconds = Number(response.headers['retry-after']);
  const retryAfterMs = seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1_000 : 0;
  return { why: 'rejected', status: response.statusCode ?? 0, retryAfterMs };
}

/**
 * Reads a stream of server-sent events until it ends, fails, or brings no event and no comment for `idleTimeoutMs`
 * (bytes that never become an event do not count: a peer sending one byte a second is as dead as a silent one).
 */
export function openEventStream(
  url: URL,
  headers: Readonly<Record<string, string>>,
  idleTimeoutMs: number,
  handlers: StreamHandlers,
): OpenStream {
  const abort = new AbortController();
  let over = false;
  const end = (how: StreamEnd) => {
    if (over) return;
    over = true;
    clearTimeout(idle);
    abort.abort();
    handlers.onEnd(how);
  };
  const idle = setTimeout(() => end({ why: 'idle' }), idleTimeoutMs);
  idle.unref();

  const read = (response: IncomingMessage) => {
    response.on('error', () => end({ why: 'failed' }));
    const type = response.headers['content-type'] ?? '';
    if (response.statusCode !== 200 || !type.startsWith('text/event-stream')) {
      end(rejection(response));
      return;
    }
    handlers.onOpen();
    const parser = createParser({
      maxBufferSize: MAX_EVENT_CHARACTERS,
      onEvent: ({ event, data }) => {
        idle.refresh();
        handlers.onEvent(event ?? 'message', data);
      },
      onComment: () => idle.refresh(),
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') end({ why: 'too-large' });
      },
    });
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      if (!over) parser.feed(text);
    });
    response.on('close', () => end({ why: 'ended' }));
  };

  send(url, { headers: { accept: 'text/event-stream', ...headers }, signal: abort.signal })
    .then((call) => {
      call.on('response', read);
      call.on('error', () => end({ why: 'failed' }));
      call.end();
    })
    .catch(() => end({ why: 'failed' }));
  return { close: () => end({ why: 'ended' }) };
}

/**
 * Posts JSON and waits for the answer's status; the answer's body is thrown away.
 * @returns the status, or undefined when there was no answer in time
 */
export function postJson(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: unknown,
  timeoutMs: number,
): Promise<number | undefined> {
  const text = JSON.stringify(body);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  timer.unref();
  return new Promise<number | undefined>((resolve) => {
    send(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      signal: abort.signal,
    })
      .then((call) => {
        call.on('response', (response) => {
          resolve(response.statusCode);
          response.destroy();
        });
        call.on('error', () => resolve(undefined));
        call.end(text);
      })
      .catch(() => resolve(undefined));
  }).finally(() => clearTimeout(timer));
}

import type { IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import { retryAfterMs, send } from './flag-http.ts';

export type StreamEnd =
  | { readonly why: 'ended' | 'failed' | 'idle' | 'too-large' }
  | { readonly why: 'rejected'; readonly status: number; readonly retryAfterMs: number };

export interface StreamHandlers {
  onOpen(): void;
  onEvent(type: string, data: string): void;
  /** A comment: the other side is alive and has nothing to say. */
  onComment(): void;
  /** Called exactly once. */
  onEnd(end: StreamEnd): void;
}

export interface StreamBounds {
  readonly idleTimeoutMs: number;
  /** A longer event ends the stream: it would have to be kept in memory whole. */
  readonly maxCharacters: number;
}

export interface OpenStream {
  close(): void;
}

function rejection(response: IncomingMessage): StreamEnd {
  return { why: 'rejected', status: response.statusCode ?? 0, retryAfterMs: retryAfterMs(response) };
}

/**
 * Reads a stream of server-sent events until it ends, fails, or brings no event and no comment for `idleTimeoutMs`
 * (bytes that never become an event do not count: a peer sending one byte a second is as dead as a silent one).
 */
export function openEventStream(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { idleTimeoutMs, maxCharacters }: StreamBounds,
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
      maxBufferSize: maxCharacters,
      onEvent: ({ event, data }) => {
        idle.refresh();
        handlers.onEvent(event ?? 'message', data);
      },
      onComment: () => {
        idle.refresh();
        handlers.onComment();
      },
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

/**
 * The flag client's HTTP calls, on Node's own http: unlike fetch it lets the socket be unreferenced, so that a
 * listening flag client never keeps an app's process alive, and it follows no redirect, so that the key goes to nobody
 * else. `node:http` is imported on first use: an app's instrumentation may not have patched it before that.
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { FlagAnswer } from './flag-answer.ts';

const MAX_RETRY_AFTER_SECONDS = 60;

export interface FlagCall {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly timeoutMs: number;
  /** Longer answers are given up. */
  readonly maxCharacters: number;
}

/** What the server answered; the text is not parsed yet. */
/** A call on a connection of its own, which dies with it. */
export async function send(url: URL, options: RequestOptions): Promise<ClientRequest> {
  const { default: http } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const call = http.request(url, { ...options, agent: false });
  call.on('socket', (socket) => socket.unref());
  return call;
}

/** What a `Retry-After` in seconds asks for, within reason. */
export function retryAfterMs(response: IncomingMessage): number {
  const seconds = Number(response.headers['retry-after']);
  return seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1_000 : 0;
}

function read(response: IncomingMessage, maxCharacters: number): Promise<FlagAnswer | undefined> {
  return new Promise((resolve) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > maxCharacters) response.destroy();
    });
    response.on('error', () => resolve(undefined));
    response.on('close', () => {
      if (!response.complete) resolve(undefined);
      const { etag } = response.headers;
      resolve({ status: response.statusCode ?? 0, etag, retryAfterMs: retryAfterMs(response), text });
    });
  });
}

/** @returns the answer, or undefined when there was no whole one in time. Never rejects. */
export async function callFlagApi(call: FlagCall): Promise<FlagAnswer | undefined> {
  const text = call.body === undefined ? undefined : JSON.stringify(call.body);
  const bodyHeaders =
    text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), call.timeoutMs);
  timer.unref();
  try {
    const headers = { accept: 'application/json', ...call.headers, ...bodyHeaders };
    const request = await send(call.url, { method: call.method, headers, signal: abort.signal });
    return await new Promise<FlagAnswer | undefined>((resolve) => {
      request.on('response', (response) => resolve(read(response, call.maxCharacters)));
      request.on('error', () => resolve(undefined));
      request.end(text);
    });
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

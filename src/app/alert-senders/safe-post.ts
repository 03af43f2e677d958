import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { SendOutcome } from '../../control/alert-retry.ts';
import { SECOND_MS } from '../../domain/window.ts';
import type { AddressGuard } from './address-guard.ts';

interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Every address of a host name. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export interface PostOptions {
  readonly guard: AddressGuard;
  readonly resolve?: Resolve;
  /** From the question for the address to the end of the answer. */
  readonly timeoutMs?: number;
  /** PEM of a private authority; for tests. */
  readonly ca?: string;
}

export interface Message {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const TIMEOUT_MS = 10 * SECOND_MS;
/** Enough for "ok" or a reason; a longer answer is cut off. */
const ANSWER_BYTES = 2_048;
const LONGEST_RETRY_AFTER_MS = 3_600 * SECOND_MS;
const systemResolve: Resolve = (hostname) => lookup(hostname, { all: true });

/**
 * Posts JSON to a place that somebody else named. The name is resolved once, every address is judged, and the
 * connection goes to what was judged: a name that answers differently the second time gains nothing. Redirects are
 * not followed, the environment's proxies not used. Never throws; details hold no part of address or body.
 */
export async function safePost(message: Message, options: PostOptions): Promise<SendOutcome> {
  const signal = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  try {
    const url = new URL(message.url);
    const addresses = await withSignal(addressesOf(url, options.resolve ?? systemResolve), signal);
    const refusal = refusalOf(url, addresses, options.guard);
    if (refusal !== undefined) return { kind: 'refused', reason: 'address', detail: refusal };
    return await post(url, addresses, message, { signal, ca: options.ca });
  } catch (thrown) {
    return signal.aborted
      ? { kind: 'retry', reason: 'timeout', detail: 'the receiver did not answer in time' }
      : { kind: 'retry', reason: 'connection', detail: `no connection to the receiver (${codeOf(thrown)})` };
  }
}

/** Why no message goes there, whatever the addresses; undefined: it may. */
function refusalOfUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return 'the address is not a URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'the address is neither https nor http';
  if (url.username !== '' || url.password !== '') return 'the address holds a user or password';
  return undefined;
}

function refusalOf(url: URL, addresses: readonly ResolvedAddress[], guard: AddressGuard): string | undefined {
  const malformed = refusalOfUrl(url.href);
  if (malformed !== undefined) return malformed;
  if (addresses.length === 0) return 'the host has no address';
  // One closed address among open ones is how a name is made to lead inside.
  if (!addresses.every(({ address }) => guard.isOpen(address))) {
    return 'the host leads to a private, local or reserved address, and TENANTRY_ALERT_ALLOW_RANGES does not allow it';
  }
  if (url.protocol === 'http:' && !addresses.every(({ address }) => guard.isOwn(address))) {
    return 'http without TLS is only for addresses in TENANTRY_ALERT_ALLOW_RANGES';
  }
  return undefined;
}

async function addressesOf(url: URL, resolve: Resolve): Promise<readonly ResolvedAddress[]> {
  // The URL parser has turned 0x7f.1, 2130706433 and their like into dotted form; IPv6 stands in brackets.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const version = isIP(host);
  return version === 0 ? resolve(host) : [{ address: host, family: version }];
}

function withSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

function post(
  url: URL,
  addresses: readonly ResolvedAddress[],
  { headers, body }: Message,
  { signal, ca }: { readonly signal: AbortSignal; readonly ca: string | undefined },
): Promise<SendOutcome> {
  const pinned: LookupFunction = (_host, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
  const options: RequestOptions & { ca?: string } = {
    method: 'POST',
    lookup: pinned,
    // A connection of its own: one from a pool could have been made to another address.
    agent: false,
    signal,
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'tenantry',
    },
    ...(ca === undefined ? {} : { ca }),
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, options, (response) => {
      const outcome = outcomeOf(response);
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES) response.destroy();
      });
      response.on('close', () => resolve(outcome));
      response.on('error', () => resolve(outcome));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The status decides as soon as it is there: the receiver has taken the message or it has not. */
function outcomeOf({ statusCode = 0, headers }: IncomingMessage): SendOutcome {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'sent' };
  const detail = `the receiver answered ${statusCode}`;
  if (statusCode === 429 || statusCode === 503) {
    const wait = retryAfterMs(headers['retry-after']);
    return { kind: 'retry', reason: 'answer', detail, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
  }
  // 408 and 425 ask for another try; any other 4xx and every redirect would come again.
  const isTransient = statusCode >= 500 || statusCode === 408 || statusCode === 425;
  return { kind: isTransient ? 'retry' : 'refused', reason: 'answer', detail };
}

function retryAfterMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  return Math.min(Number(text) * SECOND_MS, LONGEST_RETRY_AFTER_MS);
}

function codeOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[A-Z0-9_]{1,50}$/.test(code) ? code : 'unknown error';
}

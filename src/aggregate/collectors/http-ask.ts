import { TenantryError, toError } from '../../domain/errors.ts';
import { SECOND_MS } from '../../domain/window.ts';

export interface Ask {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: unknown;
}

export interface HttpOptions {
  readonly signal: AbortSignal;
  /** From the question to the end of the answer. */
  readonly timeoutMs?: number;
  /** Resolves after so many ms. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly random?: () => number;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MS = 30 * SECOND_MS;
const ANSWER_BYTES = 32 * 1024 ** 2;
const ATTEMPTS = 6;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 20 * SECOND_MS;
/** The service asks for patience: too many requests, `SlowDown`, or a fault that passes. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Asks a service of the operator's, again after a while when it asks for that. Redirects are not followed: they would
 * carry the key to where nobody meant it to go. `make` signs each attempt anew, as signatures hold the time.
 * @throws TenantryError STORE_UNAVAILABLE without any part of the key, the address or the answer
 */
export async function askService(make: () => Promise<Request>, options: HttpOptions): Promise<Answer> {
  const { signal, sleep, random = Math.random } = options;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await once(await make(), options).catch((thrown: unknown) => {
      signal.throwIfAborted();
      return toError(thrown);
    });
    if (!(outcome instanceof Error) && !PASSING.has(outcome.status)) return outcome;
    if (attempt === ATTEMPTS) {
      const detail = outcome instanceof Error ? 'does not answer' : `answers ${outcome.status}`;
      throw new TenantryError('STORE_UNAVAILABLE', `The storage service ${detail}, after ${ATTEMPTS} attempts.`);
    }
    // Half of the wait is chance: many who wait alike would come back together.
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
    await sleep(wait / 2 + (random() * wait) / 2);
    signal.throwIfAborted();
  }
}

async function once(request: Request, { signal, timeoutMs = TIMEOUT_MS }: HttpOptions): Promise<Answer> {
  const response = await fetch(request, {
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES) throw new TenantryError('STORE_UNAVAILABLE', 'The storage service answers too much.');
    chunks.push(chunk);
  }
  return { status: response.status, text: Buffer.concat(chunks).toString('utf8') };
}

/**
 * The JSON that a service answers with 200.
 * @throws TenantryError FORBIDDEN for refused keys, NOT_FOUND, STORE_UNAVAILABLE
 */
export async function askJson(ask: Ask, options: HttpOptions): Promise<unknown> {
  const { url, method = 'GET', headers = {}, body } = ask;
  const answer = await askService(
    async () =>
      new Request(url, {
        method,
        headers: {
          ...headers,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    options,
  );
  if (answer.status !== 200) throw refusal(answer.status);
  try {
    return JSON.parse(answer.text);
  } catch {
    throw new TenantryError('STORE_UNAVAILABLE', 'The storage service does not answer with JSON.');
  }
}

export function refusal(status: number): TenantryError {
  if (status === 401 || status === 403) {
    return new TenantryError('FORBIDDEN', `The storage service refuses the key of the target (${status}).`);
  }
  if (status === 404) return new TenantryError('NOT_FOUND', 'The storage service knows nothing of that name (404).');
  return new TenantryError('STORE_UNAVAILABLE', `The storage service answers ${status}.`);
}

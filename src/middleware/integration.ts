import { type Attributes, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { INTEGRATION_ATTRIBUTE, INTEGRATION_OUTCOME_ATTRIBUTE } from '../domain/attributes.ts';
import { isObject, watchResult } from './call-result.ts';
import { type CounterName, processCounters } from './counters.ts';
import { guarded } from './guard.ts';
import { cut, errorTypeOf, setFailed, startCallSpan } from './span-call.ts';

/**
 * `ok`; `error`: it threw, or answered with a status of 400 or more; `refused`: a breaker did not let the call through;
 * `aborted`: the caller gave it up.
 */
export type IntegrationOutcome = 'ok' | 'error' | 'refused' | 'aborted';

/** Options of `integrationCall`. */
export interface IntegrationCallOptions {
  /** What is called, for the span's name: `charge`. Default: the integration's name alone. */
  readonly operation?: string;
  /** Further attributes. No secrets: they leave the process. */
  readonly attributes?: Attributes;
}

const count = (name: CounterName) => processCounters.add(name);
const FIRST_ERROR_STATUS = 400;

/** `status` (fetch, axios, undici's Response) or `statusCode` (got, undici.request) of an answer or an error. */
function statusOf(value: unknown): number | undefined {
  if (!isObject(value)) return undefined;
  const response = isObject(value['response']) ? value['response'] : undefined;
  const candidates = [value['status'], value['statusCode'], response?.['status'], response?.['statusCode']];
  return candidates.find(
    (status): status is number =>
      typeof status === 'number' && Number.isInteger(status) && status >= 100 && status < 600,
  );
}

function outcomeOfError(error: unknown): IntegrationOutcome {
  if (!isObject(error)) return 'error';
  // By code: the error may come from another copy of this package.
  if (error['code'] === 'TENANTRY_BREAKER_OPEN') return 'refused';
  return error['name'] === 'AbortError' ? 'aborted' : 'error';
}

function end(span: Span, outcome: IntegrationOutcome, status: number | undefined, errorType: string | undefined): void {
  guarded(
    count,
    'mark_failed',
    () => {
      span.setAttribute(INTEGRATION_OUTCOME_ATTRIBUTE, outcome);
      if (status !== undefined) span.setAttribute('http.response.status_code', status);
      if (outcome === 'ok') span.setStatus({ code: SpanStatusCode.UNSET });
      else setFailed(span, errorType ?? String(status));
      span.end();
    },
    undefined,
  );
}

function failed(span: Span, error: unknown): void {
  end(span, outcomeOfError(error), statusOf(error), errorTypeOf(error));
}

function begin(name: string, options: IntegrationCallOptions): Span | undefined {
  const integration = cut(name);
  return startCallSpan({
    name: options.operation === undefined ? integration : `${integration} ${options.operation}`,
    kind: SpanKind.CLIENT,
    attributes: { ...options.attributes, 'peer.service': integration, [INTEGRATION_ATTRIBUTE]: integration },
    parent: context.active(),
  });
}

/**
 * Calls an integration (a webhook, a payment provider, any third party) within a client span that says which one it
 * was (`peer.service`), how it ended (`tenantry.integration.outcome`), its HTTP status if the answer or the error has
 * one, and by its length how long it took. A breaker goes on either side: `breaker.run(() => integrationCall(…))`, or
 * inside, where a refused call shows as `refused`: `integrationCall('stripe', () => breaker.run(charge))`.
 * @returns what `fn` returns; throws what `fn` throws
 */
export function integrationCall<T>(name: string, fn: () => T, options: IntegrationCallOptions = {}): T {
  const span = guarded(count, 'mark_failed', () => begin(name, options), undefined);
  if (span === undefined) return fn();
  let result: T;
  try {
    result = context.with(trace.setSpan(context.active(), span), fn);
  } catch (error) {
    failed(span, error);
    throw error;
  }
  return watchResult(result, {
    fulfilled: (value) => {
      const status = guarded(count, 'mark_failed', () => statusOf(value), undefined);
      end(span, status !== undefined && status >= FIRST_ERROR_STATUS ? 'error' : 'ok', status, undefined);
      return value;
    },
    rejected: (error) => failed(span, error),
    unseen: () => end(span, 'ok', undefined, undefined),
  });
}

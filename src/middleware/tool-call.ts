import { type Attributes, context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { TOOL_ARGS_HASH_ATTRIBUTE } from '../domain/attributes.ts';
import { watchResult } from './call-result.ts';
import { type CounterName, processCounters } from './counters.ts';
import { guarded } from './guard.ts';
import { cut, errorTypeOf, setFailed, startCallSpan } from './span-call.ts';
import type { Tenant } from './tenant.ts';
import { currentTenant } from './tenant-context.ts';
import { canonicalHash } from './tool-call-hash.ts';
import { userMarkOf } from './user-mark.ts';

/** One call of an agent's tool. */
export interface ToolCall {
  readonly tool: string;
  /** Hashed and never recorded themselves. Plain data: what JSON can carry. */
  readonly args: unknown;
  /** On whose behalf. Default: the tenant's user, if known. Logged as `TenantryOptions.userId` says: plain, hashed, not. */
  readonly userId?: string;
  /** The id that the model gave the call. */
  readonly callId?: string;
}

/** One line for each tool call, written when it is over. */
export interface ToolCallRecord {
  readonly tenant_id: string | null;
  readonly user_id: string | null;
  readonly tool: string;
  /** null when the arguments cannot be hashed. */
  readonly args_hash: string | null;
  readonly outcome: 'ok' | 'error';
  /** Milliseconds. */
  readonly duration_ms: number;
  /** The error's class; null when there was none. */
  readonly error_type: string | null;
  readonly trace_id: string | null;
  readonly span_id: string | null;
}

/** Has the shape of a pino logger. */
export interface ToolCallSink {
  info(record: ToolCallRecord, message: string): void;
}

/** Options of `toolCall`. */
export interface ToolCallOptions {
  /** Where each call is logged, for example a pino logger. Default: on the span alone. */
  readonly sink?: ToolCallSink;
  /** Secret for the hash. Without one, whoever reads the log can find short arguments by trying them out. */
  readonly hashKey?: string | Uint8Array;
}

interface StartedCall {
  readonly span: Span;
  readonly startedAt: number;
  readonly record: Pick<ToolCallRecord, 'tenant_id' | 'user_id' | 'tool' | 'args_hash'>;
}

const count = (name: CounterName) => processCounters.add(name);

function attributesOf({ tool, args_hash }: StartedCall['record'], callId: string | undefined): Attributes {
  return {
    // The server knows this as no model call: an agent's tools repeat no usage.
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': tool,
    ...(callId === undefined ? {} : { 'gen_ai.tool.call.id': cut(callId) }),
    ...(args_hash === null ? {} : { [TOOL_ARGS_HASH_ATTRIBUTE]: args_hash }),
  };
}

function begin(call: ToolCall, options: ToolCallOptions): StartedCall {
  const tenant = currentTenant();
  const userId = call.userId ?? tenant?.userId;
  // Of the tenant, userMarkOf reads the user alone.
  const userMark = userId === undefined ? {} : userMarkOf({ ...tenant, userId: cut(userId) } as Tenant);
  const record = {
    tenant_id: tenant?.tenantId ?? null,
    user_id: Object.values(userMark)[0] ?? null,
    tool: cut(call.tool),
    args_hash: guarded(count, 'tool_args_unhashed', () => canonicalHash(call.args, options.hashKey), null),
  };
  const span = startCallSpan({
    name: `execute_tool ${record.tool}`,
    kind: SpanKind.INTERNAL,
    attributes: attributesOf(record, call.callId),
    parent: context.active(),
  });
  // After the start, at which the span gets the tenant's own user.
  span.setAttributes(userMark);
  return { span, startedAt: performance.now(), record };
}

function end(
  { span, startedAt, record }: StartedCall,
  sink: ToolCallSink | undefined,
  failure?: { error: unknown },
): void {
  const errorType =
    failure === undefined ? null : guarded(count, 'mark_failed', () => errorTypeOf(failure.error), 'Error');
  const { traceId, spanId } = span.spanContext();
  guarded(
    count,
    'mark_failed',
    () => {
      if (errorType !== null) setFailed(span, errorType);
      span.end();
    },
    undefined,
  );
  if (sink === undefined) return;
  const line: ToolCallRecord = {
    ...record,
    outcome: errorType === null ? 'ok' : 'error',
    duration_ms: Math.round((performance.now() - startedAt) * 1_000) / 1_000,
    error_type: errorType,
    trace_id: trace.isSpanContextValid(span.spanContext()) ? traceId : null,
    span_id: trace.isSpanContextValid(span.spanContext()) ? spanId : null,
  };
  guarded(count, 'tool_log_failed', () => sink.info(line, 'tool call'), undefined);
}

/**
 * Runs one tool call of an agent within an `execute_tool` span of GenAI conventions and logs
 * `{tenant_id, user_id, tool, args_hash, …}` to the sink. Neither gets the arguments or the result.
 * @returns what `fn` returns; throws what `fn` throws
 */
export function toolCall<T>(call: ToolCall, fn: () => T, options: ToolCallOptions = {}): T {
  const started = guarded(count, 'mark_failed', () => begin(call, options), undefined);
  if (started === undefined) return fn();
  const failed = (error: unknown) => end(started, options.sink, { error });
  let result: T;
  try {
    result = context.with(trace.setSpan(context.active(), started.span), fn);
  } catch (error) {
    failed(error);
    throw error;
  }
  return watchResult(result, {
    fulfilled: (value) => {
      end(started, options.sink);
      return value;
    },
    rejected: failed,
    unseen: () => end(started, options.sink),
  });
}

/**
 * Tenants through queues: what `import … from 'tenantry/queues'` offers. For each library a function for the sending side
 * and one for the worker; their shapes are described here, so that none of the libraries is needed.
 */
import { isCarrierHeader, messageCarrier, runAsMessage } from './message-context.ts';

export { type MessageCarrier, type MessageOrigin, messageCarrier, runAsMessage } from './message-context.ts';

/** The member of a job's data that holds the tenant and the trace. */
const DATA_MEMBER = '_tenantry';

/** A job's data with the tenant and the trace beside it. */
export type TenantJobData<T extends object> = T & { readonly [DATA_MEMBER]?: Record<string, string> };

/**
 * `data` of a job with the current tenant: `queue.add('mail', tenantJobData(data))` with BullMQ,
 * `boss.send('mail', tenantJobData(data))` with pg-boss. What stood under `_tenantry` before (data copied from a
 * request, say) is replaced, also when there is no tenant. An array is returned as it is: it has no place for it.
 */
export function tenantJobData<T extends object>(data: T = {} as T): TenantJobData<T> {
  if (Array.isArray(data)) return data;
  return { ...data, [DATA_MEMBER]: messageCarrier() };
}

function carrierIn(data: unknown): unknown {
  return (data as { readonly [DATA_MEMBER]?: unknown } | null | undefined)?.[DATA_MEMBER];
}

/** BullMQ's `Job`, as far as it is needed. */
export interface BullJob {
  readonly data: unknown;
  readonly id?: string | undefined;
  readonly queueName: string;
}

/** A BullMQ processor that runs each job for its tenant: `new Worker('mail', bullmqProcessor(send))`. */
export function bullmqProcessor<J extends BullJob, A extends unknown[], R>(
  process: (job: J, ...rest: A) => R,
): (job: J, ...rest: A) => R {
  return (job, ...rest) => {
    const origin = { system: 'bullmq', destination: job.queueName, messageId: job.id };
    return runAsMessage(carrierIn(job.data), origin, () => process(job, ...rest));
  };
}

/** pg-boss's `Job`, as far as it is needed. */
export interface PgBossJob {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
}

/**
 * A pg-boss handler that works on the jobs of a batch one after the other, each for its tenant:
 * `boss.work('mail', pgBossHandler(send))`. Answers with the only result, or with all in order. The first failure ends
 * the batch, as pg-boss then fails all its jobs.
 */
export function pgBossHandler<J extends PgBossJob, R>(
  work: (job: J) => R | Promise<R>,
): (jobs: readonly J[]) => Promise<R | R[] | undefined> {
  return async (jobs) => {
    const results: R[] = [];
    for (const job of jobs) {
      const origin = { system: 'pg-boss', destination: job.name, messageId: job.id };
      results.push(await runAsMessage(carrierIn(job.data), origin, () => work(job)));
    }
    return jobs.length > 1 ? results : results[0];
  };
}

type Headers = Readonly<Record<string, unknown>>;

function withCarrier(headers: Headers): Record<string, unknown> {
  const others = Object.entries(headers).filter(([name]) => !isCarrierHeader(name));
  return { ...Object.fromEntries(others), ...messageCarrier() };
}

/**
 * Options of amqplib's `publish` and `sendToQueue` with the current tenant in `headers`:
 * `channel.sendToQueue('mail', content, amqpOptions({ persistent: true }))`.
 */
export function amqpOptions<O extends object>(options: O = {} as O): O & { headers: Record<string, unknown> } {
  return { ...options, headers: withCarrier((options as { readonly headers?: Headers }).headers ?? {}) };
}

/** amqplib's `ConsumeMessage`, as far as it is needed. */
export interface AmqpMessage {
  readonly fields: { readonly routingKey: string };
  readonly properties: { readonly headers?: unknown; readonly messageId?: unknown };
}

/** Options of `amqpConsumer`. */
export interface AmqpConsumerOptions {
  /** The queue, for the name of the span. Default: not named, as routing keys may be of any number. */
  readonly queue?: string;
}

/**
 * A consumer for amqplib that handles each message for its tenant: `channel.consume('mail', amqpConsumer(handle))`. The
 * null by which a cancelled consumer is told goes to `handle` as it is.
 */
export function amqpConsumer<M extends AmqpMessage, R>(
  handle: (message: M | null) => R,
  { queue }: AmqpConsumerOptions = {},
): (message: M | null) => R {
  return (message) => {
    if (message === null) return handle(message);
    const { headers, messageId } = message.properties;
    const id = typeof messageId === 'string' ? messageId : undefined;
    const origin = { system: 'rabbitmq', destination: queue, messageId: id };
    return runAsMessage(headers, origin, () => handle(message));
  };
}

/** Headers as kafkajs takes them. */
export type KafkaHeaders = Record<string, Buffer | string | (Buffer | string)[] | undefined>;

/** A message for kafkajs's `send` with the current tenant in its headers: `messages: [kafkaMessage({ value })]`. */
export function kafkaMessage<M extends { readonly value: unknown; readonly headers?: KafkaHeaders }>(
  message: M,
): M & { headers: KafkaHeaders } {
  return { ...message, headers: withCarrier(message.headers ?? {}) as KafkaHeaders };
}

/** kafkajs's `EachMessagePayload`, as far as it is needed. */
export interface KafkaPayload {
  readonly topic: string;
  readonly message: { readonly headers?: unknown };
}

/** An `eachMessage` for kafkajs that handles each message for its tenant. */
export function kafkaEachMessage<P extends KafkaPayload, R>(handle: (payload: P) => R): (payload: P) => R {
  return (payload) => {
    const origin = { system: 'kafka', destination: payload.topic };
    return runAsMessage(payload.message.headers, origin, () => handle(payload));
  };
}

/**
 * One message of a batch (`eachBatch` of kafkajs) for its tenant: `await runAsKafkaMessage(batch.topic, message, fn)`.
 */
export function runAsKafkaMessage<T>(topic: string, message: KafkaPayload['message'], fn: () => T): T {
  return runAsMessage(message.headers, { system: 'kafka', destination: topic, batched: true }, fn);
}

/** Tenants through message brokers, by the real wire encodings of AMQP and Kafka. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { context, SpanKind, trace } from '@opentelemetry/api';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { EachBatchPayload, EachMessagePayload, IHeaders, KafkaMessage, Message, Producer } from 'kafkajs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { currentTenant } from '../../src/middleware/index.ts';
import {
  amqpConsumer,
  amqpOptions,
  kafkaEachMessage,
  kafkaMessage,
  runAsKafkaMessage,
} from '../../src/middleware/queues.ts';
import { ACME, expectOneTrace, query, sending, startMessageTracing } from '../support/middleware-messages.ts';
import type { TestTracing } from '../support/middleware-tracing.ts';

const require = createRequire(import.meta.url);

let tracing: TestTracing;
beforeAll(() => {
  tracing = startMessageTracing();
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tracing.exporter.reset();
});

describe('amqplib', () => {
  type Codec = Record<'encodeProperties' | 'decode', (...args: unknown[]) => unknown>;
  const lib = join(dirname(require.resolve('amqplib')), 'lib');
  const defs = require(join(lib, 'defs.js')) as Codec & { BasicProperties: number };

  /** Headers through the bytes of an AMQP content header frame, as amqplib writes and reads them. */
  function overTheWire(options: object): ConsumeMessage {
    const frame = defs.encodeProperties(defs.BasicProperties, 1, 0, options) as Buffer;
    const properties = defs.decode(defs.BasicProperties, frame.subarray(19, frame.length - 1));
    return { content: Buffer.from('x'), fields: { routingKey: 'mail' }, properties } as unknown as ConsumeMessage;
  }

  it('headers survive the wire, and the consumer runs for the tenant', async () => {
    const options = await sending(() => amqpOptions({ persistent: true, messageId: 'm1', headers: { app: 1 } }));
    const message = overTheWire(options);
    expect(message.properties.headers).toMatchObject({ app: 1, tenant_id: 'acme' });
    const seen: unknown[] = [];
    const consumer = amqpConsumer(
      async (received: ConsumeMessage | null) => {
        await query();
        seen.push([received, currentTenant()?.tenantId]);
      },
      { queue: 'mail' },
    );
    await consumer(message);
    await consumer(null);
    expect(seen).toEqual([
      [message, 'acme'],
      [null, undefined],
    ]);
    await expectOneTrace(tracing, 'process mail', { 'messaging.system': 'rabbitmq', 'messaging.message.id': 'm1' });
  });

  it('fits by type', () => {
    const use = (channel: Channel) => [
      channel.publish('exchange', 'key', Buffer.from(''), amqpOptions()),
      channel.consume(
        'mail',
        amqpConsumer((message) => channel.ack(message as ConsumeMessage)),
      ),
    ];
    expect(use).toBeTypeOf('function');
  });
});

describe('kafkajs', () => {
  const protocol = 'kafkajs/src/protocol/';
  const encodeRecord = require(`${protocol}recordBatch/record/v0`) as (record: object) => { buffer: Buffer };
  const decodeRecord = require(`${protocol}recordBatch/record/v0/decoder`) as (
    decoder: unknown,
    batch: object,
  ) => KafkaMessage;
  const Decoder = require(`${protocol}decoder`) as new (buffer: Buffer) => { readVarInt(): number };

  /** Headers through the bytes of a Kafka record, as kafkajs writes and reads them: values come back as Buffers. */
  function overTheWire(message: Message): KafkaMessage {
    const { buffer } = encodeRecord({ offsetDelta: 0, timestampDelta: 0, key: null, ...message });
    const decoder = new Decoder(buffer);
    // The record's length, which the batch's decoder reads first.
    decoder.readVarInt();
    return decodeRecord(decoder, { firstOffset: '0', firstTimestamp: '0', magicByte: 2 });
  }
  const payload = (message: KafkaMessage) => ({ topic: 'mail', partition: 0, message }) as EachMessagePayload;

  it('headers survive the wire as Buffers, and the consumer runs for the tenant', async () => {
    const sent = await sending(() =>
      kafkaMessage({ value: 'v', headers: { app: 'x', TENANT_ID: 'victim' } as IHeaders }),
    );
    const message = overTheWire(sent);
    expect(message.headers?.['tenant_id']).toEqual(Buffer.from('acme'));
    expect(message.headers?.['TENANT_ID']).toBeUndefined();
    const eachMessage = kafkaEachMessage(async (received: EachMessagePayload) => {
      await query();
      expect(received.message).toBe(message);
      expect(currentTenant()).toEqual({ ...ACME, source: 'message' });
    });
    await eachMessage(payload(message));
    await expectOneTrace(tracing, 'process mail', {
      'messaging.system': 'kafka',
      'messaging.destination.name': 'mail',
    });
  });

  it('a batch is worked on message by message, below the span that received it, which belongs to no tenant', async () => {
    const batch = await Promise.all(
      ['acme', 'beta'].map((tenantId) => sending(() => overTheWire(kafkaMessage({ value: 'v' })), tenantId)),
    );
    const receive = trace.getTracer('kafkajs').startSpan('receive mail', { kind: SpanKind.CONSUMER });
    await context.with(trace.setSpan(context.active(), receive), async () => {
      for (const message of batch) {
        await runAsKafkaMessage('mail', message, async () => {
          await query();
          expect(currentTenant()?.tenantId).toBe(batch.indexOf(message) === 0 ? 'acme' : 'beta');
        });
      }
    });
    receive.end();
    const spans = await tracing.flush();
    const tenantsOf = (name: string) =>
      spans.filter((span) => span.name === name).map((span) => span.attributes['tenant_id']);
    expect(tenantsOf('process mail')).toEqual(['acme', 'beta']);
    expect(tenantsOf('query')).toEqual(['acme', 'beta']);
    expect(tenantsOf('receive mail')).toEqual([undefined]);
    for (const span of spans.filter(({ name }) => name === 'process mail')) {
      expect(span.parentSpanContext?.spanId).toBe(receive.spanContext().spanId);
      expect(span.links).toHaveLength(1);
    }
  });

  it('fits by type', () => {
    const use = (producer: Producer, { batch }: EachBatchPayload) => [
      producer.send({ topic: 'mail', messages: [kafkaMessage({ value: 'v' })] }),
      batch.messages.map((message) => runAsKafkaMessage(batch.topic, message, () => 1)),
    ];
    expect(use).toBeTypeOf('function');
  });
});

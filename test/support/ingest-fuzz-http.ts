import { Agent, request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { oneOf, type Random, seeded } from './detect-random.ts';
import { INGEST_KEY } from './ingest-bench.ts';
import type { RequestFuzzer } from './ingest-fuzz.ts';

/** One HTTP request as a broken or hostile client sends it. */
export interface HttpInput {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** OTLP as it reaches the check if nothing is wrong around it; undefined where something is. */
  readonly otlp: Uint8Array | undefined;
  /** The client goes away in the middle of the body. */
  readonly hangsUp: boolean;
}

const PROTOBUF = 'application/x-protobuf';
const JSON_REQUEST = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
      scopeSpans: [
        {
          scope: { name: 'test', version: '1' },
          spans: [
            {
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b174',
              parentSpanId: '',
              name: 'GET /',
              kind: 2,
              startTimeUnixNano: '1700000000000000000',
              endTimeUnixNano: '1700000000001000000',
              attributes: [
                { key: 'list', value: { arrayValue: { values: [{ intValue: '-1' }, { doubleValue: 0.5 }] } } },
                { key: 'pairs', value: { kvlistValue: { values: [{ key: 'k', value: { bytesValue: 'AP8=' } }] } } },
              ],
              events: [{ timeUnixNano: '1', name: 'retry' }],
              links: [{ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' }],
              status: { code: 2, message: 'failed' },
            },
          ],
        },
      ],
    },
  ],
};
const ODD_JSON = [
  'null',
  'true',
  '-0',
  '1e999',
  '18446744073709551616',
  '"\\ud800"',
  '"x"',
  '[]',
  '{}',
  '{"__proto__":{"a":1}}',
  '',
  '[[[[[[[[]]]]]]]]',
  '"\\u0000"',
  '1,1',
  '"AP8"',
] as const;

/** Request `number` of `seed`: mutated OTLP inside honest or broken HTTP. */
export function httpInput(fuzzer: RequestFuzzer, number: number): HttpInput {
  const random = seeded(fuzzer.seed, 'http', number);
  const { signal, bytes } = fuzzer.request(number);
  const path = `/v1/${random() < 0.97 ? signal : oneOf(random, ['traces', 'metrics', 'logs'])}`;
  const hangsUp = random() < 0.02;
  if (random() < 0.15) return { path, ...jsonBody(random), otlp: undefined, hangsUp };
  const honest = { path, headers: { 'content-type': PROTOBUF }, body: bytes, otlp: bytes, hangsUp };
  const encoded = { ...honest.headers, 'content-encoding': 'gzip' };
  const way = random();
  if (way < 0.45) return honest;
  if (way < 0.75) return { ...honest, headers: encoded, body: gzipSync(bytes) };
  if (way < 0.95) return { ...honest, headers: encoded, body: brokenGzip(random, bytes), otlp: undefined };
  const type = oneOf(random, ['', 'text/plain', 'application/json', 'application/x-protobuf; charset=utf-8', '\u00ff']);
  const encoding = oneOf(random, ['br', 'gzip, gzip', 'identity', 'GZIP', 'deflate']);
  return { ...honest, headers: { 'content-type': type, 'content-encoding': encoding }, otlp: undefined };
}

function brokenGzip(random: Random, bytes: Uint8Array): Uint8Array {
  const whole = gzipSync(bytes);
  const at = Math.floor(random() * whole.length);
  const flipped = Buffer.from(whole);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  return oneOf(random, [
    flipped,
    whole.subarray(0, at),
    Buffer.concat([whole, whole]),
    Buffer.concat([whole, Buffer.from('more')]),
    gzipSync(whole),
    bytes,
  ]);
}

function jsonBody(random: Random): Pick<HttpInput, 'headers' | 'body'> {
  const gzipped = random() < 0.3;
  const body = Buffer.from(oddJson(random));
  const headers = { 'content-type': 'application/json', ...(gzipped && { 'content-encoding': 'gzip' }) };
  return { headers, body: gzipped ? gzipSync(body) : body };
}

/** Honest JSON with one value replaced, cut off, or with one byte changed. */
function oddJson(random: Random): string {
  const text = JSON.stringify(JSON_REQUEST);
  const at = Math.floor(random() * text.length);
  const values = [...text.matchAll(/"[^"]*"(?!:)|\d+(?:\.\d+)?|\[\]|\{\}/g)];
  const value = values[Math.floor(random() * values.length)];
  const way = random();
  if (way < 0.2) return text;
  if (way < 0.3) return text.slice(0, at);
  if (way < 0.4) return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 128)) + text.slice(at + 1);
  if (way < 0.45) return '['.repeat(Math.floor(random() * 50_000));
  if (value === undefined) return text;
  return text.slice(0, value.index) + oneOf(random, ODD_JSON) + text.slice(value.index + value[0].length);
}

/** Sends on kept connections, as exporters do. */
export class HttpFuzzClient {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(port: number) {
    this.#port = port;
  }

  /** The status; 0 when the client itself hung up. @throws when the server did */
  send({ path, headers, body, hangsUp }: HttpInput): Promise<number> {
    return this.#request('POST', path, headers, body, hangsUp);
  }

  health(): Promise<number> {
    return this.#request('GET', '/healthz', {}, new Uint8Array(), false);
  }

  close(): void {
    this.#agent.destroy();
  }

  #request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    hangsUp: boolean,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const all = { authorization: `Bearer ${INGEST_KEY}`, ...headers, 'content-length': String(body.length) };
      const target = { agent: this.#agent, host: '127.0.0.1', port: this.#port, method, path, headers: all };
      const request = httpRequest(target, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.on('error', reject);
      });
      request.on('error', (error) => (hangsUp ? resolve(0) : reject(error)));
      if (!hangsUp) return request.end(body);
      request.write(body.subarray(0, body.length >> 1), () => request.destroy(new Error('the client hangs up')));
      return;
    });
  }
}

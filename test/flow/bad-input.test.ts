/** Hostile and broken telemetry against a whole Tenantry: the right answer, nothing stored, everything alive. */
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inspectStore, postSpans, serverSpan, spansBody } from '../support/flow-otlp.ts';
import { endEverything, type FlowTenantry, startTenantry } from '../support/flow-tenantry.ts';
import { tinyMessageBombs } from '../support/otlp-bombs.ts';

const MAX_BODY_BYTES = 2_000_000;
/** What google.rpc.Code calls them. */
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;

let tenantry: FlowTenantry;
let good = 0;
let processes: readonly number[];

beforeAll(async () => {
  tenantry = await startTenantry({ TENANTRY_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
  processes = [tenantry.part('ingest'), tenantry.part('server')];
});
afterAll(endEverything);

const body = spansBody([serverSpan('intruder', 'must not be stored')]);
const gzip = { 'content-encoding': 'gzip' };
const zeros = Buffer.alloc(MAX_BODY_BYTES + 1);

describe('a bad request', () => {
  afterEach(async () => {
    const sent = await postSpans(tenantry.otlpUrl, spansBody([serverSpan('acme', 'good')]));
    expect(sent.status).toBe(200);
    good += 1;
    await tenantry.loaded();
    const tenants = await tenantry.tenants();
    expect([...tenants.keys()], 'only good requests are stored').toEqual(['acme']);
    expect(tenants.get('acme')?.requests).toBe(good);
    expect([tenantry.part('ingest'), tenantry.part('server')], 'no process had to be restarted').toEqual(processes);
  });

  it.each<readonly [string, Uint8Array, Record<string, string | undefined>, number, number, string]>([
    ['cut off', body.subarray(0, -3), {}, 400, INVALID_ARGUMENT, 'not an ExportTraceServiceRequest'],
    ['no protobuf at all', Buffer.from('<html>'), {}, 400, INVALID_ARGUMENT, 'not an ExportTraceServiceRequest'],
    ['of another content type', body, { 'content-type': 'text/plain' }, 415, UNIMPLEMENTED, 'http/protobuf'],
    ['without a key', body, { authorization: undefined }, 401, UNAUTHENTICATED, 'no valid ingest key'],
    ['with a wrong key', body, { authorization: 'Bearer guessed' }, 401, UNAUTHENTICATED, 'no valid ingest key'],
    ['over the limit', zeros, {}, 413, RESOURCE_EXHAUSTED, `exceeds ${MAX_BODY_BYTES} bytes`],
    [
      'a gzip bomb',
      gzipSync(Buffer.alloc(25 * MAX_BODY_BYTES)),
      gzip,
      413,
      RESOURCE_EXHAUSTED,
      `exceeds ${MAX_BODY_BYTES} bytes`,
    ],
    ['a bomb below the limit', gzipSync(zeros.subarray(1)), gzip, 413, RESOURCE_EXHAUSTED, 'expands to more than'],
    ['gzip that is cut off', gzipSync(body).subarray(0, -9), gzip, 400, INVALID_ARGUMENT, 'the gzip stream is broken'],
  ])('is refused in words, and leaves nothing behind: %s', async (_what, bytes, headers, status, code, message) => {
    const answer = await postSpans(tenantry.otlpUrl, bytes, headers);
    expect(answer).toEqual({
      status,
      contentType: 'application/x-protobuf',
      rpc: { code, message: expect.stringContaining(message) as string },
    });
    expect(answer.rpc.message).not.toMatch(/\n|node_modules|\.js:/);
  });

  it('made of millions of empty messages is refused, and harms nobody', async () => {
    for (const [, bytes] of tinyMessageBombs()) {
      const answer = await postSpans(tenantry.otlpUrl, gzipSync(bytes), gzip);
      expect([400, 413]).toContain(answer.status);
      expect(answer.rpc.message).not.toBe('');
    }
  });
});

describe('spans that cannot be true', () => {
  it('are set aside with their reason; the others of the same request are counted', async () => {
    const now = BigInt(Date.now()) * 1_000_000n;
    const at = (start: bigint, lasts: bigint) => ({
      start_time_unix_nano: String(start),
      end_time_unix_nano: String(start + lasts),
    });
    const second = 1_000_000_000n;
    const sent = await postSpans(
      tenantry.otlpUrl,
      spansBody([
        serverSpan('acme', 'of now'),
        // The time of opentelemetry-proto's own example.
        serverSpan('acme', 'of 2018', at(1_544_712_660_000_000_000n, second)),
        serverSpan('acme', 'of next year', at(now + 365n * 86_400n * second, second)),
        serverSpan('acme', 'backwards', at(now, -second)),
        serverSpan('acme', 'without an id', { trace_id: new Uint8Array(16) }),
      ]),
    );
    expect(sent.status).toBe(200);
    await tenantry.loaded();
    expect((await tenantry.tenants()).get('acme')?.requests).toBe(good + 1);
    expect(await tenantry.stop()).toBe(0);
    const setAside = await inspectStore<{ SpanName: string; Reason: string }>(
      tenantry.dataDir,
      'SELECT SpanName, Reason FROM tenantry.spans_set_aside ORDER BY SpanName',
    );
    expect(setAside).toEqual([
      { SpanName: 'backwards', Reason: 'ends before it starts' },
      { SpanName: 'of 2018', Reason: 'too old' },
      { SpanName: 'of next year', Reason: 'starts in the future' },
      { SpanName: 'without an id', Reason: 'trace id is not 16 bytes' },
    ]);
  });
});

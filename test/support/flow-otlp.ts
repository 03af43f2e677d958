/** OTLP requests to a running Tenantry as bytes, and what its engine holds after it has stopped. */
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { INGEST_KEY } from './flow-tenantry.ts';
import { decodeRpcStatus, encodeTraceRequest, type OtlpSpan } from './otlp-proto.ts';
import { sampleRequest, sampleSpan } from './otlp-samples.ts';

export interface OtlpAnswer {
  /** 0: the connection broke. */
  readonly status: number;
  readonly contentType: string | undefined;
  /** The google.rpc.Status of an error. */
  readonly rpc: { readonly code: number; readonly message: string };
}

/** A server span of a tenant; ClickHouse keeps what is told apart by its name. */
export function serverSpan(tenant: string, name: string, more: OtlpSpan = {}): OtlpSpan {
  const attributes = [
    { key: 'tenant_id', value: { string_value: tenant } },
    { key: 'http.request.method', value: { string_value: 'GET' } },
    { key: 'http.route', value: { string_value: '/orders' } },
  ];
  return sampleSpan(name, { attributes, parent_span_id: new Uint8Array(0), ...more });
}

export function spansBody(spans: OtlpSpan[]): Uint8Array {
  return encodeTraceRequest(sampleRequest(spans));
}

/** One POST to /v1/traces with the right headers but for those given; undefined leaves a header out. Never rejects. */
export function postSpans(
  otlpUrl: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string | undefined>> = {},
): Promise<OtlpAnswer> {
  const all = { 'content-type': 'application/x-protobuf', authorization: `Bearer ${INGEST_KEY}`, ...headers };
  const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new Promise((resolve) => {
    const broken: OtlpAnswer = { status: 0, contentType: undefined, rpc: { code: 0, message: '' } };
    const request = httpRequest(`${otlpUrl}/v1/traces`, { method: 'POST', headers: sent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve(broken));
      response.on('end', () => {
        const { statusCode = 0, headers: answered } = response;
        const rpc = statusCode === 200 ? broken.rpc : decodeRpcStatus(Buffer.concat(chunks));
        resolve({ status: statusCode, contentType: answered['content-type'], rpc });
      });
    });
    request.on('error', () => resolve(broken));
    request.end(body);
  });
}

/** Rows of a stopped Tenantry's embedded ClickHouse. One folder at a time in a process. */
export async function inspectStore<Row extends object>(dataDir: string, sql: string): Promise<Row[]> {
  const clickhouse = new EmbeddedClickHouse({ path: join(dataDir, 'clickhouse') });
  try {
    return await clickhouse.inspect<Row>(sql);
  } finally {
    await clickhouse.close();
  }
}

import { createHash } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Ingest, startIngest } from '../../ingest/main.ts';
import { loadConfig } from '../../src/config/config.ts';
import { KEY_SNAPSHOT_FILE, type KeySnapshot, type KeySnapshotEntry } from '../../src/domain/spool-format.ts';
import { decodeRpcStatus } from './otlp-proto.ts';
import { type SegmentRecord, sealedRecords, temporaryDataDir } from './otlp-segment.ts';

export const INGEST_KEY = 'test-ingest-key-0123456789';

/** A key of the list, with the secret that its holder sends. */
export type BenchKey = Pick<KeySnapshotEntry, 'id' | 'tenantId' | 'service'> & { readonly key: string };

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  /** Message of the google.rpc.Status, for 4xx and 5xx in protobuf. */
  readonly message: string;
}

/** A real ingest on a free port with a data directory of its own. */
export class IngestBench {
  readonly dir = temporaryDataDir();
  readonly logLines: string[] = [];
  #ingest: Ingest | undefined;

  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const config = loadConfig({
      TENANTRY_DATA_DIR: this.dir.path,
      TENANTRY_OTLP_HTTP_PORT: '0',
      TENANTRY_OTLP_GRPC_PORT: '0',
      TENANTRY_INGEST_KEY: INGEST_KEY,
      TENANTRY_SEGMENT_AGE_MS: '3600000',
      ...settings,
    });
    const log = pino({ level: 'debug' }, { write: (line: string) => void this.logLines.push(line) });
    this.#ingest = await startIngest({ config, log });
  }

  get port(): number {
    if (this.#ingest === undefined) throw new Error('ingest is not started');
    return this.#ingest.httpPort;
  }

  get grpcPort(): number {
    if (this.#ingest === undefined) throw new Error('ingest is not started');
    return this.#ingest.grpcPort;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    await this.#ingest?.stop();
    this.#ingest = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
    this.dir.remove();
  }

  /** Writes the key list as the server does, once the first request has been refused for want of it. */
  async publishKey(key: string, tenantId: string): Promise<void> {
    await this.#logged('STORE_UNAVAILABLE');
    this.#writeKeys([{ id: 'published', key, tenantId }]);
  }

  /** Writes a list of keys as the server does, and waits until ingest goes by it. */
  async publishKeys(keys: readonly BenchKey[]): Promise<void> {
    this.#writeKeys(keys);
    await this.#logged('keys read');
  }

  async #logged(text: string): Promise<void> {
    while (!this.logLines.some((line) => line.includes(text))) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #writeKeys(keys: readonly BenchKey[]): void {
    const entries = keys.map(({ key, ...entry }) => ({
      ...{ ...entry, scopes: ['ingest'] },
      sha256: createHash('sha256').update(key).digest('hex'),
    }));
    const snapshot: KeySnapshot = { revision: 1, keys: entries };
    const path = join(this.dir.spool, KEY_SNAPSHOT_FILE);
    writeFileSync(`${path}.tmp`, JSON.stringify(snapshot));
    renameSync(`${path}.tmp`, path);
  }

  /** Stops ingest, which seals, and reads what it stored. */
  async stored(): Promise<SegmentRecord[]> {
    await this.stop();
    return sealedRecords(this.dir.spool);
  }

  /** POST /v1/traces as an exporter does; headers given as undefined are left out. */
  post(body: Uint8Array, headers: Record<string, string | undefined> = {}): Promise<HttpAnswer> {
    return this.send('POST', '/v1/traces', body, headers);
  }

  send(
    method: string,
    path: string,
    body: Uint8Array,
    headers: Record<string, string | undefined> = {},
  ): Promise<HttpAnswer> {
    const all: Record<string, string | undefined> = {
      authorization: `Bearer ${INGEST_KEY}`,
      'content-type': 'application/x-protobuf',
      ...headers,
    };
    const present = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port: this.port, method, path, headers: Object.fromEntries(present), agent: false },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const status = response.statusCode ?? 0;
            const isStatus = status >= 400 && response.headers['content-type'] === 'application/x-protobuf';
            const message = isStatus ? decodeRpcStatus(bytes).message : '';
            resolve({ status, headers: response.headers, body: bytes, message });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}

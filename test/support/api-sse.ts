import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ApiOptions } from '../../src/api/server.ts';
import type { FlagChange, FlagFleet, FlagSnapshot } from '../../src/domain/flag-wire.ts';
import type { ThrottleFlag } from '../../src/domain/flags.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from './api-harness.ts';

export type StreamEvent =
  | { readonly event: 'snapshot'; readonly data: FlagSnapshot }
  | { readonly event: 'change'; readonly data: FlagChange }
  | { readonly event: 'fleet'; readonly data: FlagFleet }
  | { readonly event: 'ping' };

function parse(block: string): StreamEvent {
  if (block === ': ping') return { event: 'ping' };
  const [, event, data] = /^event: (snapshot|change|fleet)\ndata: (.*)$/.exec(block) ?? [];
  if (event === undefined || data === undefined) throw new Error(`not an event of the flag stream: ${block}`);
  return { event, data: JSON.parse(data) } as StreamEvent;
}

/** Looks once per turn of the event loop, for what no event announces; the test's own timeout is the limit. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** A client of `GET /v1/flags/stream` on a real socket. */
export class SseClient {
  readonly events: StreamEvent[] = [];
  readonly response: IncomingMessage;
  /** Resolves when the server has ended or cut the stream. */
  readonly closed: Promise<void>;
  readonly #request: ClientRequest;
  #text = '';
  #wake: () => void = () => undefined;

  private constructor(clientRequest: ClientRequest, response: IncomingMessage) {
    this.#request = clientRequest;
    this.response = response;
    this.closed = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => undefined);
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.#take(chunk));
  }

  static async connect(app: FastifyInstance, headers: Record<string, string>, query = ''): Promise<SseClient> {
    const { port } = app.server.address() as AddressInfo;
    const path = `/v1/flags/stream${query}`;
    const clientRequest = request({ host: '127.0.0.1', port, path, headers, agent: false }).end();
    clientRequest.on('error', () => undefined);
    const [response] = (await once(clientRequest, 'response')) as [IncomingMessage];
    return new SseClient(clientRequest, response);
  }

  /** The first `count` events; waits for those that are not there yet. */
  async first(count: number): Promise<StreamEvent[]> {
    await this.until(() => this.events.length >= count);
    return this.events.slice(0, count);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Stops reading: the kernel's buffers fill, then the server's. */
  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  close(): void {
    this.#request.destroy();
  }

  #take(chunk: string): void {
    this.#text += chunk;
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop() ?? '';
    this.events.push(...blocks.map(parse));
    this.#wake();
  }
}

/** What a client that follows the rules knows after these events: revision and ids of the flags. */
export function replay(events: readonly StreamEvent[]): { revision: number; ids: string[] } {
  let revision = -1;
  let ids = new Set<string>();
  for (const event of events) {
    if (event.event === 'ping' || event.event === 'fleet') continue;
    if (event.event === 'snapshot') ids = new Set(event.data.flags.map((flag) => flag.id));
    else {
      if (event.data.revision <= revision) throw new Error(`revision ${event.data.revision} after ${revision}`);
      for (const flag of event.data.upserts) ids.add(flag.id);
      for (const id of event.data.removals) ids.delete(id);
    }
    revision = event.data.revision;
  }
  return { revision, ids: [...ids].sort() };
}

/** The revisions of `change` events, in the order in which they came. */
export function changeRevisions(events: readonly StreamEvent[]): number[] {
  return events.flatMap((event) => (event.event === 'change' ? [event.data.revision] : []));
}

/** An API that listens, with what the tests of its streams do to it. */
export interface StreamBench extends ApiUnderTest {
  /** Connects as staff unless told otherwise. */
  connect(headers?: Record<string, string>): Promise<SseClient>;
  /** Commits a throttle flag as the next revision; OWN's, for a minute, unless told otherwise. */
  commit(tenantId?: TenantId, changes?: Partial<ThrottleFlag>): ThrottleFlag;
}

export async function startStreaming(options: Partial<ApiOptions> = {}): Promise<StreamBench> {
  const api = await startApi(options);
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const clients: SseClient[] = [];
  let committed = 0;
  return {
    ...api,
    async connect(headers = bearer(ADMIN_TOKEN)) {
      const client = await SseClient.connect(api.app, headers);
      clients.push(client);
      return client;
    },
    commit(tenantId = OWN, changes = {}) {
      committed += 1;
      return api.ports.flags.put<ThrottleFlag>({
        kind: 'throttle',
        id: `flag-${committed}`,
        tenantId,
        scope: {},
        limit: { requestsPerSecond: 1, burst: 1 },
        mode: 'enforce',
        reason: 'noisy',
        expiresAt: api.clock.now + 60_000,
        ...changes,
      });
    },
    async close() {
      for (const client of clients) client.close();
      await api.close();
    },
  };
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { SPOOL_FOLDERS } from '../../src/domain/spool-format.ts';
import { BenchChild, type Usage } from './child-messages.ts';
import { KEY, type Ports, sendAll, type Transport } from './ingest-transports.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface Round {
  readonly wallMs: number;
  readonly receiveMs: number;
  readonly storeMs: number;
}

interface Sums {
  readonly sums: string;
  readonly spansBytes: number;
}

export interface ReceiverUsage extends Usage {
  readonly nowMb: number;
}

let numbers = 0;

/** Of the next request that is sent. */
export function nextNumber(): number {
  numbers += 1;
  return numbers;
}

/** Ingest in a process of its own, on a data directory. */
export interface Receiver {
  readonly child: BenchChild;
  readonly ports: Ports;
}

/** One way of getting telemetry into the store: its own data directory, and a loader in a process of its own. */
export class Way {
  readonly store: BenchChild;
  readonly #folder: ReturnType<typeof temporaryFolder>;

  private constructor(folder: ReturnType<typeof temporaryFolder>, store: BenchChild) {
    this.#folder = folder;
    this.store = store;
  }

  static async start(decoder: 'engine' | 'json'): Promise<Way> {
    const folder = temporaryFolder();
    const { child } = await BenchChild.start('loading-child.js', [folder.path, decoder]);
    return new Way(folder, child);
  }

  get dataDir(): string {
    return this.#folder.path;
  }

  async receiver(settings: Readonly<Record<string, string>> = {}): Promise<Receiver> {
    const args = [this.dataDir, KEY, JSON.stringify(settings)];
    const { child, ready } = await BenchChild.start<Ports>('receiving-child.js', args);
    return { child, ports: ready };
  }

  /**
   * From the first byte sent to the last segment stored; CPU of receiver and store within that time.
   * @returns undefined where ingest does not serve this transport
   */
  async round(transport: Transport, requests: readonly Uint8Array[]): Promise<Round | undefined> {
    const bodies = requests.map((request) => transport.encode(request, nextNumber()));
    const { child, ports } = await this.receiver();
    const sender = transport.open(ports);
    try {
      // The first request shows whether this is served, and brings the receiver's code to life.
      const first = bodies[0] === undefined ? 'nothing to send' : await sender?.send(bodies[0]);
      if (sender === undefined || first !== true) return undefined;
      const [receiveBefore, storeBefore] = [await child.ask<Usage>('usage'), await this.usage()];
      const startedAt = performance.now();
      await sendAll(sender, bodies.slice(1));
      const receiveAfter = await child.ask<Usage>('seal');
      await this.emptied();
      const wallMs = performance.now() - startedAt;
      const storeMs = (await this.usage()).cpuMs - storeBefore.cpuMs;
      return { wallMs, receiveMs: receiveAfter.cpuMs - receiveBefore.cpuMs, storeMs };
    } finally {
      sender?.close();
      await child.end();
    }
  }

  /** Until every sealed segment is loaded. */
  async emptied(): Promise<void> {
    for (let polls = 1; readdirSync(join(this.dataDir, 'spool', SPOOL_FOLDERS.sealed)).length > 0; polls += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      // A store that has died empties nothing; asking it tells.
      if (polls % 400 === 0) await this.usage();
    }
  }

  usage(): Promise<Usage> {
    return this.store.ask<Usage>('usage');
  }

  sums(): Promise<Sums> {
    return this.store.ask<Sums>('sums');
  }

  async end(): Promise<void> {
    await this.store.end();
    this.#folder.remove();
  }
}

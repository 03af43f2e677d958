import { setTimeout as sleep } from 'node:timers/promises';
import { HTTP_PROTOBUF_GZIP } from './ingest-transports.ts';
import { nextNumber, type ReceiverUsage, type Way } from './ingest-way.ts';
import type { Queryable } from './loading-child.ts';
import { SPANS_PER_REQUEST } from './telemetry.ts';

export interface Lag {
  /** Spans a second. */
  readonly offered: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Overload {
  readonly offered: number;
  readonly taken: number;
  /** Answers other than success, by status. */
  readonly refused: ReadonlyMap<string, number>;
  /** Resident memory of the receiver in MB: before, the most in the first half, the most in the second. */
  readonly idleMb: number;
  readonly firstHalfMb: number;
  readonly secondHalfMb: number;
}

function preparedBodies(requests: readonly Uint8Array[], count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    HTTP_PROTOBUF_GZIP.encode(requests[index % requests.length] ?? new Uint8Array(), nextNumber()),
  );
}

/**
 * Sends at a steady rate, whatever the answers, and tells for each request how long it took until its spans could be asked
 * for. Ingest keeps the order in which it acknowledges, so the spans of a request are there when so many are.
 */
export async function lagAt(
  way: Way,
  requests: readonly Uint8Array[],
  spansPerSecond: number,
  seconds: number,
): Promise<Lag> {
  const perSecond = spansPerSecond / SPANS_PER_REQUEST;
  const bodies = preparedBodies(requests, Math.ceil(perSecond * seconds));
  const { child, ports } = await way.receiver();
  const sender = HTTP_PROTOBUF_GZIP.open(ports, 256);
  if (sender === undefined) throw new Error('ingest does not serve OTLP/HTTP');
  try {
    const before = await way.store.ask<number>('spans');
    await way.store.ask('watch');
    const sentAt: number[] = [];
    await paced(bodies.length, perSecond, async (index) => {
      const at = Date.now();
      const answer = await sender.send(bodies[index] ?? new Uint8Array());
      if (answer !== true) throw new Error(`ingest answered ${answer} below its capacity`);
      sentAt.push(at);
    });
    await child.ask('seal');
    await way.emptied();
    const lags = lagsOf(sentAt, await way.store.ask<Queryable[]>('watch'), before);
    const at = (share: number) => lags[Math.min(lags.length - 1, Math.floor(lags.length * share))] ?? Number.NaN;
    return { offered: spansPerSecond, p50Ms: at(0.5), p99Ms: at(0.99) };
  } finally {
    sender.close();
    await child.end();
  }
}

/** Sorted milliseconds from sent to queryable; `sentAt` in the order of the acknowledgements. */
function lagsOf(sentAt: readonly number[], queryable: readonly Queryable[], before: number): number[] {
  let loaded = 0;
  return sentAt
    .map((at, index) => {
      const wanted = before + (index + 1) * SPANS_PER_REQUEST;
      while (loaded < queryable.length && (queryable[loaded]?.spans ?? 0) < wanted) loaded += 1;
      const seen = queryable[loaded];
      if (seen === undefined) throw new Error(`the spans of request ${index} were never there`);
      return seen.at - at;
    })
    .toSorted((left, right) => left - right);
}

/** Starts `work` for each number at an even pace, not waiting for any before the next; resolves when all have ended. */
async function paced(count: number, perSecond: number, work: (index: number) => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  const running: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const waitMs = startedAt + (index * 1_000) / perSecond - performance.now();
    if (waitMs > 1) await sleep(waitMs);
    running.push(work(index));
  }
  await Promise.all(running);
}

/** Offers `spansPerSecond` for some seconds over many connections and watches the receiver's memory. */
export async function overload(
  way: Way,
  requests: readonly Uint8Array[],
  spansPerSecond: number,
  seconds: number,
): Promise<Overload> {
  const perSecond = spansPerSecond / SPANS_PER_REQUEST;
  const bodies = preparedBodies(requests, Math.ceil(perSecond * seconds));
  // What the store does not get loaded meanwhile has to fit; beyond that the answer is 503.
  const { child, ports } = await way.receiver({ TENANTRY_SPOOL_MAX_BYTES: String(512 * 1024 * 1024) });
  const sender = HTTP_PROTOBUF_GZIP.open(ports, 512);
  if (sender === undefined) throw new Error('ingest does not serve OTLP/HTTP');
  try {
    const idleMb = (await child.ask<ReceiverUsage>('usage')).nowMb;
    const samples: number[] = [];
    const refused = new Map<string, number>();
    let taken = 0;
    let going = true;
    const watching = (async () => {
      while (going) {
        samples.push((await child.ask<ReceiverUsage>('usage')).nowMb);
        await sleep(100);
      }
    })();
    await paced(bodies.length, perSecond, async (index) => {
      const answer = await sender.send(bodies[index] ?? new Uint8Array()).catch(String);
      if (answer === true) taken += 1;
      else refused.set(answer, (refused.get(answer) ?? 0) + 1);
    });
    going = false;
    await watching;
    await child.ask('seal');
    await way.emptied();
    const half = samples.length >> 1;
    return {
      ...{ offered: bodies.length * SPANS_PER_REQUEST, taken: taken * SPANS_PER_REQUEST, refused, idleMb },
      firstHalfMb: Math.max(...samples.slice(0, half)),
      secondHalfMb: Math.max(...samples.slice(half)),
    };
  } finally {
    sender.close();
    await child.end();
  }
}

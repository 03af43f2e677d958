import { AwsClient } from 'aws4fetch';
import type { MeasuredSize } from '../../domain/storage.ts';
import type { S3Target } from '../../domain/storage-target.ts';
import { UNATTRIBUTED_TENANT } from '../../domain/tenant-id.ts';
import type { Checkpoint, Collected, Collector } from './checkpoint.ts';
import { combineSizes } from './combine-sizes.ts';
import { askService, type HttpOptions, refusal } from './http-ask.ts';
import { type ListedPage, type ListedUpload, readObjects, readParts, readUploads, readVersions } from './s3-answers.ts';
import { type TenantPattern, tenantPattern } from './tenant-pattern.ts';

export interface S3CollectorOptions {
  readonly target: S3Target;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly http: Omit<HttpOptions, 'signal'>;
}

/** Pages between two checkpoints; a resumed run lists so many again at most. */
const PAGES_PER_CHECKPOINT = 10;
const NONCURRENT = 'noncurrent';
const INCOMPLETE = 'incomplete-uploads';

type Phase = 'objects' | 'uploads' | 'end';

/** Everything that a resumed run has to know. Tallies are [part, tenant, bytes, objects]. */
interface Listing {
  readonly phase: Phase;
  readonly next: Readonly<Record<string, string>>;
  readonly tallies: readonly (readonly [string, string, string, number])[];
  readonly keys: number;
}

/** Tenants' bytes in an S3 bucket, storage class by storage class, by listing it. */
export class S3Collector implements Collector {
  readonly #options: S3CollectorOptions;
  readonly #client: AwsClient;
  readonly #pattern: TenantPattern;

  constructor(options: S3CollectorOptions) {
    this.#options = options;
    this.#pattern = tenantPattern(options.target.pattern);
    this.#client = new AwsClient({
      accessKeyId: options.accessKeyId,
      secretAccessKey: options.secretAccessKey,
      service: 's3',
      region: options.target.region,
      retries: 0,
    });
  }

  async collect(checkpoint: Checkpoint, signal: AbortSignal): Promise<Collected> {
    const { versions, uploads } = this.#options.target;
    const saved = (await checkpoint.load('listing')) as Listing | undefined;
    const tally = new Tally(saved?.tallies ?? []);
    let keys = saved?.keys ?? 0;
    const keep = async (phase: Phase, next: Readonly<Record<string, string>>) => {
      await checkpoint.save('listing', { phase, next, tallies: tally.entries(), keys } satisfies Listing);
      await checkpoint.progress({ stepsDone: 0, stepsTotal: null, read: keys, of: null, unit: 'keys' });
    };
    const start = saved?.phase ?? 'objects';
    if (start === 'objects') {
      const query: Readonly<Record<string, string>> = versions ? { versions: '' } : { 'list-type': '2' };
      const pages = this.#pages(query, saved?.next ?? {}, versions ? readVersions : readObjects, signal);
      await checkpointed(pages, keep.bind(undefined, 'objects'), async (items) => {
        for (const { key, bytes, storageClass, isLatest } of items) {
          tally.add(isLatest ? storageClass : NONCURRENT, this.#tenantOf(key), bytes);
        }
        keys += items.length;
      });
      await keep(uploads ? 'uploads' : 'end', {});
    }
    if (start !== 'end' && uploads) {
      const pages = this.#pages({ uploads: '' }, start === 'uploads' ? (saved?.next ?? {}) : {}, readUploads, signal);
      await checkpointed(pages, keep.bind(undefined, 'uploads'), async (items) => {
        for (const upload of items) {
          tally.add(INCOMPLETE, this.#tenantOf(upload.key), await this.#sizeOfUpload(upload, signal));
        }
        keys += items.length;
      });
      await keep('end', {});
    }
    const progress = { stepsDone: 1, stepsTotal: 1, read: keys, of: keys, unit: 'keys' } as const;
    return { sizes: tally.sizes(), progress, skipped: [] };
  }

  #tenantOf(key: string): string {
    return this.#pattern.tenantOf(key) ?? UNATTRIBUTED_TENANT;
  }

  async #sizeOfUpload({ key, uploadId }: ListedUpload, signal: AbortSignal): Promise<bigint> {
    let bytes = 0n;
    let next: Readonly<Record<string, string>> | undefined = {};
    while (next !== undefined) {
      const xml = await this.#ask(key, { uploadId, ...next }, signal);
      // Completed or aborted since it was listed.
      if (xml === undefined) return 0n;
      const page: ListedPage<bigint> = readParts(xml);
      for (const part of page.items) bytes += part;
      next = page.next;
    }
    return bytes;
  }

  async *#pages<Item>(
    query: Readonly<Record<string, string>>,
    from: Readonly<Record<string, string>>,
    read: (xml: string) => ListedPage<Item>,
    signal: AbortSignal,
  ): AsyncGenerator<ListedPage<Item>> {
    const constant = { ...query, 'encoding-type': 'url', prefix: this.#pattern.prefix };
    let next: Readonly<Record<string, string>> | undefined = from;
    while (next !== undefined) {
      const xml = await this.#ask('', { ...constant, ...next }, signal);
      if (xml === undefined) throw refusal(404);
      const page: ListedPage<Item> = read(xml);
      yield page;
      next = page.next;
    }
  }

  /** Undefined: there is no such thing (404). */
  async #ask(key: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<string | undefined> {
    const url = this.#urlOf(key);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    // Signatures write a space as %20 and never as a plus sign.
    url.search = url.search.replaceAll('+', '%20');
    const make = () => this.#client.sign(url.href, { method: 'GET' });
    const { status, text } = await askService(make, { ...this.#options.http, signal });
    if (status === 404) return undefined;
    if (status !== 200) throw refusal(status);
    return text;
  }

  #urlOf(key: string): URL {
    const { endpoint, bucket, pathStyle } = this.#options.target;
    const url = new URL(endpoint);
    const path = key.split('/').map(encodeURIComponent).join('/');
    if (pathStyle) url.pathname = `/${bucket}/${path}`;
    else {
      url.hostname = `${bucket}.${url.hostname}`;
      url.pathname = `/${path}`;
    }
    return url;
  }
}

/** Takes in page after page, and keeps what is known every few of them. */
async function checkpointed<Item>(
  pages: AsyncIterable<ListedPage<Item>>,
  keep: (next: Readonly<Record<string, string>>) => Promise<void>,
  take: (items: readonly Item[]) => Promise<void>,
): Promise<void> {
  let sinceKept = 0;
  for await (const { items, next } of pages) {
    await take(items);
    sinceKept += 1;
    if (next === undefined || sinceKept < PAGES_PER_CHECKPOINT) continue;
    await keep(next);
    sinceKept = 0;
  }
}

class Tally {
  readonly #sums = new Map<string, { bytes: bigint; objects: number }>();

  constructor(entries: Listing['tallies']) {
    for (const [part, tenant, bytes, objects] of entries) {
      this.#sums.set(JSON.stringify([part, tenant]), { bytes: BigInt(bytes), objects });
    }
  }

  add(part: string, tenant: string, bytes: bigint): void {
    const key = JSON.stringify([part, tenant]);
    const sum = this.#sums.get(key) ?? { bytes: 0n, objects: 0 };
    this.#sums.set(key, sum);
    sum.bytes += bytes;
    sum.objects += 1;
  }

  entries(): Listing['tallies'] {
    return [...this.#sums].map(([key, { bytes, objects }]) => {
      const [part, tenant] = JSON.parse(key) as [string, string];
      return [part, tenant, String(bytes), objects] as const;
    });
  }

  sizes(): MeasuredSize[] {
    return combineSizes(
      this.entries().map(([part, tenant, bytes, objects]) => ({
        tenantId: tenant as MeasuredSize['tenantId'],
        kind: 's3' as const,
        part: part.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 64),
        bytes: BigInt(bytes),
        errorBytes: 0n,
        objects: BigInt(objects),
        method: 'listing',
      })),
    );
  }
}

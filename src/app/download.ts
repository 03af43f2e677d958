import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { loadConfig } from '../config/config.ts';
import { fetchFromServer } from './api-client.ts';
import { print } from './terminal.ts';

const TIMEOUT_MS = 10 * 60_000;

/** The file appears when all of it is there: half an export looks like a whole one with fewer tenants. */
export async function download(path: string, out: string): Promise<void> {
  const response = await fetchFromServer(loadConfig(), 'GET', path, { timeoutMs: TIMEOUT_MS });
  if (response.body === null) return;
  const part = `${out}.part`;
  try {
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(part));
    await rename(part, out);
  } finally {
    await rm(part, { force: true });
  }
  print(`Written: ${out}`);
}

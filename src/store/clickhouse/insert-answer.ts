import type { Readable } from 'node:stream';
import { parseError } from '@clickhouse/client';

/** Enough for an exception's text. */
const MOST_CHARACTERS = 16_384;

/** Reads an answer to its end, so that the connection is free again, and keeps its beginning. */
export async function startOf(answer: Readable): Promise<string> {
  let text = '';
  for await (const chunk of answer) if (text.length < MOST_CHARACTERS) text += String(chunk);
  return text;
}

/**
 * Whether an answer of status 200 really says that an insert is in. A server that fails after it began to answer leaves
 * the exception in a body under status 200, and what stands between (a balancer's own page, a captive portal) may
 * answer 200 to anything: a segment that is deleted on such a word would be lost.
 * @throws Error, with the engine's code where the answer has one
 */
export function assertInserted(headers: Readonly<Record<string, unknown>>, text: string): void {
  const code = headers['x-clickhouse-exception-code'];
  if (code === undefined && text === '') {
    if (Object.keys(headers).some((name) => name.startsWith('x-clickhouse-'))) return;
    throw new Error('The answer to an insert was not from ClickHouse: it has none of its headers.');
  }
  const failed = parseError(text);
  if (code !== undefined && !('code' in failed)) Object.assign(failed, { code: String(code) });
  throw failed;
}

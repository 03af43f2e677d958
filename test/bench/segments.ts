import { writeFileSync } from 'node:fs';
import { encodeRecord } from '../../ingest/spool-record.ts';

/** Writes a spool segment with these requests, as ingest would have sealed it. */
export function writeSegment(path: string, requests: readonly Uint8Array[], receivedAt: number): void {
  const origin = { receivedAt, keyId: 'bench', keyTenant: undefined };
  writeFileSync(path, Buffer.concat(requests.flatMap((request) => [...encodeRecord(request, origin)])));
}

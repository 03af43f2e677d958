import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import protobuf from 'protobufjs';
import { type SegmentSignal, SPOOL_FOLDERS, signalOfSegment, TRAILER } from '../../src/domain/spool-format.ts';
import { decodeTraceRequest, type OtlpTraceRequest } from './otlp-proto.ts';

/** One record of a spool segment, read by protobufjs and zlib alone: none of ingest's own code takes part. */
export interface SegmentRecord {
  /** The message read as traces; for one with metrics there is `decodeMetricsRequest`. */
  readonly request: OtlpTraceRequest;
  /** The message as it stands in the segment, with the trailer. */
  readonly message: Buffer;
  readonly receivedAtNs: string;
  readonly keyId: string;
  readonly keyTenant: string | undefined;
  readonly keyService: string | undefined;
  readonly crcMatches: boolean;
}

const Trailer = protobuf
  .parse(
    `syntax = "proto3"; message Trailer {
      fixed64 received_at = ${TRAILER.RECEIVED_AT}; string key_id = ${TRAILER.KEY_ID};
      optional string key_tenant = ${TRAILER.KEY_TENANT}; fixed32 crc = ${TRAILER.CRC32};
      optional string key_service = ${TRAILER.KEY_SERVICE};
    }`,
    { keepCase: true },
  )
  .root.lookupType('Trailer');
const CRC_FIELD_BYTES = 7;

/** The records of a segment; throws where one is cut off. */
export function recordsOf(segment: Buffer): SegmentRecord[] {
  const reader = protobuf.Reader.create(segment);
  const records: SegmentRecord[] = [];
  while (reader.pos < reader.len) {
    const message = Buffer.from(reader.bytes());
    const trailer = Trailer.toObject(Trailer.decode(message), { longs: String }) as {
      received_at: string;
      key_id: string;
      key_tenant?: string;
      key_service?: string;
      crc: number;
    };
    records.push({
      get request() {
        return decodeTraceRequest(message);
      },
      message,
      receivedAtNs: trailer.received_at,
      keyId: trailer.key_id,
      keyTenant: trailer.key_tenant,
      keyService: trailer.key_service,
      crcMatches: crc32(message.subarray(0, -CRC_FIELD_BYTES)) === trailer.crc,
    });
  }
  return records;
}

/** A data directory that is gone when the test is. */
export function temporaryDataDir(): { readonly path: string; readonly spool: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tenantry-ingest-'));
  return { path, spool: join(path, 'spool'), remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function namesIn(spool: string, folder: keyof typeof SPOOL_FOLDERS): string[] {
  return readdirSync(join(spool, SPOOL_FOLDERS[folder])).sort();
}

/** All records of all sealed segments of a signal, oldest first. */
export function sealedRecords(spool: string, signal: SegmentSignal = 'traces'): SegmentRecord[] {
  return namesIn(spool, 'sealed')
    .filter((name) => signalOfSegment(name) === signal)
    .flatMap((name) => recordsOf(readFileSync(join(spool, SPOOL_FOLDERS.sealed, name))));
}

/** A wrong word here either puts good telemetry into quarantine or blocks all of it behind one segment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseError } from '@clickhouse/client';
import { Session } from 'chdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TenantryError } from '../../../src/domain/errors.ts';
import { type InsertVerdict, insertVerdict, mayBeCutOff } from '../../../src/store/clickhouse/engine-errors.ts';

const CODES: readonly (readonly [number, string, InsertVerdict, string])[] = [
  [6, 'CANNOT_PARSE_TEXT', 'content', 'raised while the bytes are read'],
  [27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', 'content', 'raised while the bytes are read'],
  [32, 'ATTEMPT_TO_READ_AFTER_EOF', 'content', 'a message is longer than it says'],
  [33, 'CANNOT_READ_ALL_DATA', 'content', 'a message is longer than it says'],
  [72, 'CANNOT_PARSE_NUMBER', 'content', 'raised while the bytes are read'],
  [117, 'INCORRECT_DATA', 'content', 'raised while the bytes are read'],
  [128, 'TOO_LARGE_ARRAY_SIZE', 'content', 'a request holds more than a column may'],
  [131, 'TOO_LARGE_STRING_SIZE', 'content', 'a request holds more than a column may'],
  [321, 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE', 'content', 'raised while the bytes are read'],
  [349, 'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN', 'content', 'raised while the bytes are read'],
  [407, 'DECIMAL_OVERFLOW', 'content', 'raised while the bytes are read'],
  [436, 'PROTOBUF_BAD_CAST', 'content', 'a field has a value that its column does not take'],
  [437, 'PROTOBUF_FIELD_NOT_REPEATED', 'content', 'a field comes twice'],
  [444, 'UNKNOWN_PROTOBUF_FORMAT', 'content', 'the message is no protobuf'],
  [691, 'UNKNOWN_ELEMENT_OF_ENUM', 'content', 'a oneof of a kind that the column does not know'],
  [3, 'UNEXPECTED_END_OF_FILE', 'store', 'its own files or its network'],
  [16, 'NO_SUCH_COLUMN_IN_TABLE', 'store', 'migrations have not run there'],
  [60, 'UNKNOWN_TABLE', 'store', 'migrations have not run there'],
  [74, 'CANNOT_READ_FROM_FILE_DESCRIPTOR', 'store', 'a failing disk'],
  [75, 'CANNOT_WRITE_TO_FILE_DESCRIPTOR', 'store', 'a failing disk'],
  [76, 'CANNOT_OPEN_FILE', 'store', 'too many open files, or a failing disk'],
  [81, 'UNKNOWN_DATABASE', 'store', 'migrations have not run there'],
  [115, 'UNKNOWN_SETTING', 'store', 'a server of another version: every segment fails alike'],
  [159, 'TIMEOUT_EXCEEDED', 'store', 'load'],
  [160, 'TOO_SLOW', 'store', 'load'],
  [164, 'READONLY', 'store', 'the user may only read; people put that right'],
  [192, 'UNKNOWN_USER', 'store', 'credentials'],
  [193, 'WRONG_PASSWORD', 'store', 'credentials'],
  [194, 'REQUIRED_PASSWORD', 'store', 'credentials'],
  [195, 'IP_ADDRESS_NOT_ALLOWED', 'store', 'credentials'],
  [201, 'QUOTA_EXCEEDED', 'store', 'passes with the interval of the quota'],
  [202, 'TOO_MANY_SIMULTANEOUS_QUERIES', 'store', 'load'],
  [203, 'NO_FREE_CONNECTION', 'store', 'load'],
  [209, 'SOCKET_TIMEOUT', 'store', 'network'],
  [210, 'NETWORK_ERROR', 'store', 'network'],
  [225, 'NO_ZOOKEEPER', 'store', 'replicas'],
  [236, 'ABORTED', 'store', 'the server is shutting down'],
  [242, 'TABLE_IS_READ_ONLY', 'store', 'a replica without its keeper, or a read-only disk'],
  [243, 'NOT_ENOUGH_SPACE', 'store', 'somebody has to free space'],
  [252, 'TOO_MANY_PARTS', 'store', 'merges catch up'],
  [279, 'ALL_CONNECTION_TRIES_FAILED', 'store', 'replicas'],
  [285, 'TOO_FEW_LIVE_REPLICAS', 'store', 'replicas'],
  [286, 'UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE', 'store', 'replicas'],
  [319, 'UNKNOWN_STATUS_OF_INSERT', 'store', 'it may be in: the same token finds out'],
  [341, 'UNFINISHED', 'store', 'replicas'],
  [394, 'QUERY_WAS_CANCELLED', 'store', 'somebody killed it'],
  [415, 'ALL_REPLICAS_LOST', 'store', 'replicas'],
  [425, 'SYSTEM_ERROR', 'store', 'the host'],
  [439, 'CANNOT_SCHEDULE_TASK', 'store', 'load'],
  [452, 'SETTING_CONSTRAINT_VIOLATION', 'store', 'the profile forbids a setting: every segment fails alike'],
  [497, 'ACCESS_DENIED', 'store', 'a grant is missing'],
  [499, 'S3_ERROR', 'store', 'its disk'],
  [516, 'AUTHENTICATION_FAILED', 'store', 'credentials'],
  [735, 'QUERY_WAS_CANCELLED_BY_CLIENT', 'store', 'the connection broke'],
  [745, 'SERVER_OVERLOADED', 'store', 'load'],
  [999, 'KEEPER_EXCEPTION', 'store', 'replicas'],
  [1000, 'POCO_EXCEPTION', 'store', 'network'],
  [241, 'MEMORY_LIMIT_EXCEEDED', 'unclear', 'load, or a segment that is too large for this server'],
  [395, 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO', 'unclear', 'a view of the operator that throws'],
  [49, 'LOGICAL_ERROR', 'unclear', 'a fault of the engine, perhaps for these bytes only'],
  [1001, 'STD_EXCEPTION', 'unclear', 'anything'],
];

let folder: string;
let session: Session;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-codes-'));
  session = new Session(folder);
});
afterAll(() => {
  session.close();
  rmSync(folder, { recursive: true, force: true });
});

const said = (code: number, name: string, more = '') =>
  `Code: ${code}. DB::Exception: what is wrong${more}. (${name}) (version 26.7.2.1)`;

describe('a failed insert', () => {
  it.each(CODES)('with %i %s: %s (%s)', (code, name, verdict) => {
    expect(session.query(`SELECT errorCodeToName(${code})`, 'TSVRaw').trim()).toBe(name);
    const embedded = Object.assign(new Error(said(code, name)), { clickhouseCode: code, code: 'CHDB_QUERY' });
    expect(insertVerdict(embedded)).toBe(verdict);
    expect(insertVerdict(parseError(said(code, name)))).toBe(verdict);
  });

  it('in a view is never for the content: tables before the view may have it', () => {
    const inView = ": while executing 'FUNCTION toUInt8': while pushing to view tenantry.spans_view";
    expect(insertVerdict(new Error(said(6, 'CANNOT_PARSE_TEXT', inView)))).toBe('unclear');
    expect(insertVerdict(new Error(said(252, 'TOO_MANY_PARTS', inView)))).toBe('store');
  });

  it.each([
    ['a refused connection', Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:8123'), { code: 'ECONNREFUSED' })],
    ['a reset', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['a page of a proxy', parseError('<html><h1>503 Service Unavailable</h1></html>')],
    ['too many requests, said by a proxy', parseError('Too Many Requests')],
    ['a segment that cannot be read', Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', errno: -5 })],
    // The engine's errors 20 and 23 are others.
    ['an abort', new DOMException('aborted', 'AbortError')],
    ['a timeout', new DOMException('timed out', 'TimeoutError')],
    ['a store that shuts down', new TenantryError('STORE_UNAVAILABLE', 'The store is shutting down.')],
    ['no error at all', 'thrown'],
  ])('of %s is the way or the store', (_what, thrown) => {
    expect(insertVerdict(thrown)).toBe('store');
  });

  it('may come of a body that was cut off on its way, when the bytes end too early', () => {
    const cutOff = CODES.filter(([code, name]) => mayBeCutOff(parseError(said(code, name))));
    expect(cutOff.map(([code]) => code)).toEqual([32, 33]);
  });
});

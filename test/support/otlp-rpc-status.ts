import protobuf from 'protobufjs';

/** google.rpc.Status with the details that OTLP speaks of, as google publishes them. */
const SCHEMA = `
  syntax = "proto3";
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
  message BadRequest { repeated FieldViolation field_violations = 1; }
  message FieldViolation { string field = 1; string description = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
`;
const { root } = protobuf.parse(SCHEMA, { keepCase: true });
const Status = root.lookupType('Status');
const PREFIX = 'type.googleapis.com/google.rpc.';

export interface DetailedStatus {
  readonly code: number;
  readonly message: string;
  /** Of BadRequest. */
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  /** Of RetryInfo, in seconds. */
  readonly retryAfter: number | undefined;
}

export function decodeDetailedStatus(bytes: Uint8Array): DetailedStatus {
  const { code, message, details } = Status.toObject(Status.decode(bytes), { defaults: true }) as {
    code: number;
    message: string;
    details: { type_url: string; value: Uint8Array }[];
  };
  const detail = (name: string) => {
    const found = details.find(({ type_url: url }) => url === `${PREFIX}${name}`);
    const type = root.lookupType(name);
    return found && type.toObject(type.decode(found.value), { defaults: true, longs: Number });
  };
  return {
    ...{ code, message, violations: detail('BadRequest')?.['field_violations'] ?? [] },
    retryAfter: detail('RetryInfo')?.['retry_delay']?.seconds,
  };
}

/** The same out of the JSON mapping. */
export function parseDetailedStatus(json: string): DetailedStatus {
  const {
    code,
    message,
    details = [],
  } = JSON.parse(json) as {
    code: number;
    message: string;
    details?: { '@type': string; fieldViolations?: DetailedStatus['violations']; retryDelay?: string }[];
  };
  const detail = (name: string) => details.find((one) => one['@type'] === `${PREFIX}${name}`);
  const delay = detail('RetryInfo')?.retryDelay;
  return {
    ...{ code, message, violations: detail('BadRequest')?.fieldViolations ?? [] },
    retryAfter: delay === undefined ? undefined : Number(delay.replace(/s$/, '')),
  };
}

/** Every route of the permission table, one request to each, and what is wrong with an answer. */
import { PERMISSIONS } from '../../src/api/permissions.ts';
import { problemSchema } from '../../src/api/problem.ts';
import { scimErrorSchema } from '../../src/api/scim-errors.ts';
import { GOOD_REQUESTS, type Row } from './api-good-requests.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN } from './api-harness.ts';
import { PUBLIC, WHO_MAY } from './api-who-may.ts';
import { SCIM_JSON } from './scim-world.ts';

export const ROWS = Object.keys(PERMISSIONS) as Row[];
type Answer = Awaited<ReturnType<ApiUnderTest['app']['inject']>>;

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** Of an app, and of the tenant's directory. */
export interface Keys {
  readonly app: string;
  readonly directory: string;
}

export function keysOf({ ports }: ApiUnderTest): Keys {
  return { app: ports.keys.issue(['flags', 'ingest']), directory: ports.keys.issue(['scim'], OWN) };
}

const isOfDirectories = (row: Row) => row.includes(' /scim/');

export function requestTo(row: Row): { method: Method; url: string; payload?: object } {
  const [method] = row.split(' ') as [Method];
  const { url, payload } = GOOD_REQUESTS[row];
  return { method, url, ...(payload === undefined ? {} : { payload }) };
}

/** A method that nothing at the row's path has. */
export function methodNotOf(row: Row): Method {
  const path = row.split(' ')[1];
  const method = (['PATCH', 'POST'] as const).find((one) => !(ROWS as string[]).includes(`${one} ${path}`));
  if (method === undefined) throw new Error(`${path} has every method`);
  return method;
}

/** Of somebody who may use the route, as far as there is anybody. */
export function credentialsFor(row: Row, { app, directory }: Keys): Record<string, string> {
  if (isOfDirectories(row)) return bearer(directory);
  return bearer(WHO_MAY[row] === PUBLIC || WHO_MAY[row].includes('admin') ? ADMIN_TOKEN : app);
}

/** Undefined when it is a problem of this status, in the words of the route, which tells nothing of the inside. */
export function faultOfProblem(answer: Answer, status: number, row: Row): string | undefined {
  if (answer.statusCode !== status) return `${answer.statusCode} ${answer.body.slice(0, 100)}`;
  const [type, schema] = isOfDirectories(row)
    ? ([SCIM_JSON, scimErrorSchema] as const)
    : (['application/problem+json', problemSchema] as const);
  if (!String(answer.headers['content-type']).startsWith(type)) return `no ${type}`;
  const problem = schema.safeParse(answer.json());
  if (!problem.success || String(problem.data.status) !== String(status)) return 'not RFC 9457, or RFC 7644, 3.12';
  const leak = /node_modules|\.[jt]s:\d|\bat \w+ \(|FST_ERR|SELECT|INSERT/.exec(answer.body)?.[0];
  return leak === undefined ? faultOfHeaders(answer) : `leaks ${leak}`;
}

export function faultOfHeaders({ headers }: Answer): string | undefined {
  const wanted: Record<string, RegExp> = {
    'content-security-policy': /^(?!.*unsafe-)default-src '(?:self|none)';.*frame-ancestors 'none'/,
    'permissions-policy': /camera=\(\)/,
    'referrer-policy': /^no-referrer$/,
    'x-content-type-options': /^nosniff$/,
    'x-frame-options': /^DENY$/,
    'cache-control': /no-store|no-cache/,
    'x-request-id': /./,
  };
  const missing = Object.entries(wanted).filter(([name, value]) => !value.test(String(headers[name] ?? '')));
  return missing.length === 0 ? undefined : `wrong or missing: ${missing.map(([name]) => name).join(', ')}`;
}

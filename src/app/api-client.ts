import type { Problem } from '../api/contract.ts';
import type { Config } from '../config/config.ts';
import type { BillProblem } from '../domain/bill.ts';
import { BillRefused } from '../domain/bill-refused.ts';
import { ERRORS, type ErrorCode, TenantryError, toError } from '../domain/errors.ts';
import { knownAdminToken } from './secrets.ts';

const TIMEOUT_MS = 10_000;

interface Sending {
  readonly body?: string | Blob;
  readonly contentType?: string;
  /** Default: ten seconds. */
  readonly timeoutMs?: number;
}

/**
 * A request to the running server on this machine, as admin.
 * @throws TenantryError what the server said, that none runs, or that its admin token is not known here
 */
export async function askServer<Answer>(config: Config, method: string, path: string, body?: unknown): Promise<Answer> {
  const json = body === undefined ? {} : { body: JSON.stringify(body), contentType: 'application/json' };
  const text = await (await fetchFromServer(config, method, path, json)).text();
  return (text === '' ? undefined : JSON.parse(text)) as Answer;
}

/** The same with any body, and the answer as it comes: for files. @throws like `askServer` */
export async function fetchFromServer(
  config: Config,
  method: string,
  path: string,
  { body, contentType, timeoutMs = TIMEOUT_MS }: Sending,
): Promise<Response> {
  const adminToken = knownAdminToken(config);
  if (adminToken === undefined) {
    throw new TenantryError('UNAUTHENTICATED', `There is no admin token in ${config.TENANTRY_DATA_DIR}.`, {
      hint: 'Give this command the TENANTRY_DATA_DIR of the running Tenantry (the demo has its own, see what it printed), or its TENANTRY_ADMIN_TOKEN.',
    });
  }
  const url = `http://127.0.0.1:${config.TENANTRY_API_PORT}${path}`;
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${adminToken}`,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw new TenantryError('STORE_UNAVAILABLE', `No Tenantry answers at ${url}: ${toError(cause).message}`, {
      hint: 'Start it with `npm start`, and give this command the same TENANTRY_DATA_DIR and TENANTRY_API_PORT.',
      cause,
    });
  });
  if (response.ok) return response;
  throw problemError(await response.text(), response.status);
}

function problemError(text: string, status: number): TenantryError {
  try {
    const problem = JSON.parse(text) as Problem;
    const code: ErrorCode = problem.code in ERRORS ? (problem.code as ErrorCode) : 'INTERNAL';
    const { lines, total } = problem as Problem & { lines?: readonly BillProblem[]; total?: number };
    if (code === 'BILL_REFUSED' && lines !== undefined) return new BillRefused(lines, total ?? lines.length);
    return new TenantryError(code, problem.detail, problem.hint === undefined ? {} : { hint: problem.hint });
  } catch {
    return new TenantryError('INTERNAL', `The server answered with status ${status}.`);
  }
}

/**
 * ClickHouse's HTTP interface as a server speaks it, with the real engine behind: the real client talks to it, and what
 * it asks for really happens. Runs in a process of its own (children/clickhouse-stand-in.ts): the embedded engine
 * takes one data directory per process, and an inline protobuf schema leaves a folder in the working directory.
 * https://clickhouse.com/docs/interfaces/http
 */
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Session } from 'chdb';
import { toError } from '../../src/domain/errors.ts';
import { quoted } from '../../src/store/clickhouse/sql-text.ts';

export interface StandInOptions {
  /** Data directory of the engine. */
  readonly path: string;
  readonly port: number;
  /** Password of the user `default`. */
  readonly password: string;
  /** Called after an insert is committed and before it is answered. */
  readonly afterInsert: () => void;
}

/** URL parameters that are no settings. */
const OWN_PARAMETERS = new Set(['query', 'database', 'default_format', 'query_id', 'wait_end_of_query']);
/** What an error leaves in the engine's output comes in front of the next result: the part that was sent already. */
const TAKE_LEFTOVER = 'SELECT 1 FORMAT Null';
const INSERT_WITH_BODY = /^INSERT INTO (\w+)\.(\w+) SETTINGS (.+) FORMAT (\w+)\s*$/s;

class StandIn {
  readonly #options: StandInOptions;
  /** Keeps the engine up between requests. */
  readonly #anchor: Session;
  #bodies = 0;

  constructor(options: StandInOptions) {
    mkdirSync(options.path, { recursive: true });
    this.#options = options;
    this.#anchor = new Session(options.path);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    if (url.pathname === '/ping') {
      response.end('Ok.\n');
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.headers.authorization !== this.#expectedAuthorization()) {
      fail(response, 'Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)');
      return;
    }
    await this.#execute(url.searchParams, Buffer.concat(chunks), wantsGzip(request, url), response);
  }

  close(): void {
    this.#anchor.close();
  }

  async #execute(parameters: URLSearchParams, body: Buffer, gzip: boolean, response: ServerResponse): Promise<void> {
    const session = new Session(this.#options.path);
    let isInsert = false;
    try {
      prepareSession(session, parameters);
      const query = parameters.get('query');
      isInsert = query !== null && body.length > 0;
      const text = isInsert
        ? await this.#insert(session, query ?? '', body)
        : await run(session, body.toString(), parameters.get('default_format') ?? undefined);
      if (isInsert) this.#options.afterInsert();
      send(response, 200, text, gzip);
    } catch (thrown) {
      const { message } = toError(thrown);
      const sentAlready = isInsert ? '' : session.query(TAKE_LEFTOVER);
      // Without wait_end_of_query the status has long been sent when a query fails half-way.
      if (sentAlready !== '' && parameters.get('wait_end_of_query') !== '1')
        send(response, 200, sentAlready + message, gzip);
      else fail(response, message);
    } finally {
      session.close();
    }
  }

  async #insert(session: Session, query: string, body: Buffer): Promise<string> {
    const [, database = '', table = '', settings = '', format = ''] = INSERT_WITH_BODY.exec(query) ?? [];
    if (table === '') throw new Error('Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)');
    const columns = session
      .query(
        `SELECT name || ' ' || type FROM system.columns WHERE database = ${quoted(database)} AND table = ${quoted(table)} ORDER BY position FORMAT TSVRaw`,
      )

      .trim()
      .split('\n')
      .join(', ');
    this.#bodies += 1;
    const file = resolve(join(this.#options.path, `body-${this.#bodies}`));
    writeFileSync(file, body);
    try {
      return await run(
        session,
        `INSERT INTO ${database}.${table} SELECT * FROM file(${quoted(file)}, ${format}, ${quoted(columns)}) SETTINGS ${settings}`,
      );
    } finally {
      rmSync(file);
    }
  }

  #expectedAuthorization(): string {
    return `Basic ${Buffer.from(`default:${this.#options.password}`).toString('base64')}`;
  }
}

async function run(session: Session, sql: string, format = 'TabSeparated'): Promise<string> {
  return (await session.queryAsync(sql, { format })).text();
}

/** A request's database, settings and query parameters hold for it alone; readonly comes last, as it ends all setting. */
function prepareSession(session: Session, parameters: URLSearchParams): void {
  const [database, ...others] = parameters.getAll('database');
  if (others.length > 0) throw new Error('Code: 36. DB::Exception: More than one database. (BAD_ARGUMENTS)');
  if (database !== undefined) session.query(`USE ${database}`);
  const settings = [...parameters].filter(([name]) => !OWN_PARAMETERS.has(name) && name !== 'readonly');
  for (const [name, value] of settings) session.query(`SET ${name} = ${quoted(value)}`);
  const readonly = parameters.get('readonly');
  if (readonly !== null) session.query(`SET readonly = ${readonly}`);
}

function wantsGzip(request: IncomingMessage, url: URL): boolean {
  return (
    url.searchParams.get('enable_http_compression') === '1' &&
    String(request.headers['accept-encoding'] ?? '').includes('gzip')
  );
}

function send(response: ServerResponse, status: number, text: string, gzip: boolean): void {
  if (gzip) response.setHeader('content-encoding', 'gzip');
  response.writeHead(status, {
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-server-display-name': 'stand-in',
  });
  response.end(gzip ? gzipSync(text) : text);
}

function fail(response: ServerResponse, message: string): void {
  const code = /Code: (\d+)/.exec(message)?.[1] ?? '1002';
  response.setHeader('x-clickhouse-exception-code', code);
  send(response, code === '516' ? 403 : 500, message, false);
}

/** Listens on 127.0.0.1; resolves with the port. */
export async function serveStandIn(options: StandInOptions): Promise<{ port: number; server: Server }> {
  const standIn = new StandIn(options);
  const server = createServer((request, response) => {
    standIn.answer(request, response).catch((error: unknown) => response.destroy(toError(error)));
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  server.once('close', () => standIn.close());
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, server };
}

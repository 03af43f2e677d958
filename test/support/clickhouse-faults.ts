/** What can go wrong between us and a ClickHouse server: an HTTP proxy that spoils inserts, each as it is told. */
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type InsertFault =
  | 'none'
  /** The connection is closed before anything of the insert is read. */
  | 'refused'
  /** Reset while the body is on its way; the server sees a part of it. */
  | 'reset in mid-insert'
  /** The body is swallowed and nobody ever answers. */
  | 'hangs'
  /** The insert is committed; its answer never comes. */
  | 'answer lost'
  /** The insert is committed; the answer ends in the middle of its headers' promise. */
  | 'half an answer'
  /** Status 200, and then a byte now and again, for ever. */
  | 'trickles'
  /** Not passed on, answered with this. */
  | { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> };

export interface FaultProxy {
  readonly port: number;
  /** Unix ms of every insert that came, spoilt or not. */
  readonly inserts: readonly number[];
  /** Says of each insert from now on what becomes of it. */
  spoil(fault: () => InsertFault): void;
  close(): Promise<void>;
}

/** As ClickHouse tells of a failure. */
export function exception(code: number, name: string, status = 500): InsertFault {
  return {
    status,
    body: `Code: ${code}. DB::Exception: as the server says it. (${name}) (version 26.7.2.1)\n`,
    headers: { 'x-clickhouse-exception-code': String(code) },
  };
}

const TRICKLE_MS = 50;

/** @param target port on 127.0.0.1 */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  let next: () => InsertFault = () => 'none';
  const inserts: number[] = [];
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, answer) => {
    answer.on('error', () => undefined);
    const isInsert = /[?&]query=INSERT/.test(incoming.url ?? '');
    if (isInsert) inserts.push(Date.now());
    const fault = isInsert ? next() : 'none';
    if (fault === 'refused') incoming.destroy();
    else if (fault === 'hangs') incoming.on('error', () => undefined).resume();
    else if (fault === 'trickles') trickle(incoming, answer);
    else if (typeof fault === 'object') {
      incoming.resume().on('end', () => answer.writeHead(fault.status, fault.headers).end(fault.body));
    } else passOn(incoming, answer, fault);
  });

  function passOn(
    incoming: IncomingMessage,
    answer: ServerResponse,
    fault: 'none' | 'reset in mid-insert' | 'answer lost' | 'half an answer',
  ): void {
    const { url, method, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port: target, path: url, method, headers, agent }, (back) => {
      if (fault === 'answer lost') {
        back.resume().on('end', () => answer.destroy());
        return;
      }
      if (fault === 'half an answer') {
        back.resume().on('end', () => {
          answer.writeHead(200, { 'x-clickhouse-query-id': 'half', 'content-length': '5' });
          answer.write('a', () => answer.destroy());
        });
        return;
      }
      answer.writeHead(back.statusCode ?? 502, back.headers);
      back.on('error', () => answer.destroy()).pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.on('error', () => onward.destroy());
    if (fault !== 'reset in mid-insert') {
      incoming.pipe(onward);
      return;
    }
    incoming.once('data', (chunk: Buffer) => {
      onward.write(chunk.subarray(0, chunk.length >> 1), () => {
        onward.destroy();
        incoming.destroy();
      });
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    inserts,
    spoil: (fault) => {
      next = fault;
    },
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function trickle(incoming: IncomingMessage, answer: ServerResponse): void {
  incoming.on('error', () => undefined).resume();
  answer.writeHead(200, { 'x-clickhouse-server-display-name': 'slow' });
  const timer = setInterval(() => answer.write(' '), TRICKLE_MS);
  answer.on('close', () => clearInterval(timer));
}

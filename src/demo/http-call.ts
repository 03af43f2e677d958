import http from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpCall {
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly agent?: http.Agent;
}

const TIMEOUT_MS = 30_000;

/**
 * One request to 127.0.0.1. Through `http.request` as a property: instrumentation replaces it there, and unlike fetch
 * it lets the Host header be set.
 * @throws Error when there is no answer within 30 s
 */
export function callHttp(call: HttpCall): Promise<HttpAnswer> {
  const body = call.body === undefined ? '' : JSON.stringify(call.body);
  const headers = {
    ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...call.headers,
  };
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port: call.port,
        method: call.method,
        path: call.path,
        headers,
        timeout: TIMEOUT_MS,
        ...(call.agent === undefined ? {} : { agent: call.agent }),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
        response.on('error', reject);
      },
    );
    request.on('timeout', () => request.destroy(new Error('No answer in time')));
    request.on('error', reject);
    request.end(body);
  });
}

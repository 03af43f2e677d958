import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A third party that answers, fails or hangs, each of its customers (the path) apart. */
export interface Integration {
  readonly calls: readonly string[];
  /** What happens to `customer` from now on; default: answered. */
  behave(customer: string, behaviour: 'answer' | 'fail' | 'hang' | 'reset'): void;
  /** Calls it as an app would. @throws Error with the status for answers of 500 and more */
  call(customer: string, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

export async function startIntegration(): Promise<Integration> {
  const calls: string[] = [];
  const behaviours = new Map<string, string>();
  const hanging = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const customer = request.url?.slice(1) ?? '';
    calls.push(customer);
    const behaviour = behaviours.get(customer);
    if (behaviour === 'fail') response.writeHead(503).end('card 4242 of jane@example.com declined');
    else if (behaviour === 'hang') hanging.add(response);
    else if (behaviour === 'reset') request.socket.destroy();
    else response.end('paid');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    calls,
    behave: (customer, behaviour) => {
      behaviours.set(customer, behaviour);
    },
    call: async (customer, signal) => {
      const response = await fetch(`${url}/${customer}`, { signal });
      const text = await response.text();
      if (response.status >= 500) throw Object.assign(new Error(text), { status: response.status });
      return text;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

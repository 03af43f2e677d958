import { once } from 'node:events';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { serve } from './child-messages.ts';

/** Many app instances in one process: each holds a flag stream of its own and acknowledges what it hears. */
const [port = '', key = ''] = process.argv.slice(2);
const headers = { authorization: `Bearer ${key}` };
const acksAgent = new Agent({ keepAlive: true, maxSockets: 32 });
const received = new Map<number, number[]>();
const streams: IncomingMessage[] = [];
let wake: () => void = () => undefined;

/** As the middleware does it: one call at a time, the newest revision wins. */
class Acks {
  readonly #instanceId: string;
  #newest = -1;
  #isSending = false;

  constructor(instanceId: string) {
    this.#instanceId = instanceId;
  }

  acknowledge(revision: number): void {
    this.#newest = revision;
    if (!this.#isSending) this.#send(revision);
  }

  #send(revision: number): void {
    this.#isSending = true;
    const body = JSON.stringify({ instance_id: this.#instanceId, service: 'bench', revision });
    const call = request({
      port,
      path: '/v1/flags/acks',
      method: 'POST',
      agent: acksAgent,
      headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length },
    });
    call.on('response', (response) => {
      response.resume().on('end', () => {
        this.#isSending = false;
        if (this.#newest !== revision) this.#send(this.#newest);
      });
    });
    call.on('error', (error) => process.stderr.write(`${error.message}\n`));
    call.end(body);
  }
}

async function openStream(instanceId: string): Promise<void> {
  const path = `/v1/flags/stream?service=bench&instance_id=${instanceId}`;
  const [response] = (await once(get({ port, path, headers, agent: false }), 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`a stream was answered ${response.statusCode}`);
  streams.push(response);
  const acks = new Acks(instanceId);
  let text = '';
  const first = once(response, 'data');
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const at = performance.timeOrigin + performance.now();
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const revision = Number(/^event: change\ndata: \{"revision":(\d+)/.exec(event)?.[1]);
      if (Number.isNaN(revision)) continue;
      received.set(revision, [...(received.get(revision) ?? []), at]);
      acks.acknowledge(revision);
      wake();
    }
  });
  await first;
}

serve(
  async (message) => {
    const [what, number] = message.split(' ');
    if (what === 'open') {
      while (streams.length < Number(number)) {
        const missing = Math.min(50, Number(number) - streams.length);
        const from = streams.length;
        await Promise.all(Array.from({ length: missing }, (_, i) => openStream(`i-${from + i}`)));
      }
      return streams.length;
    }
    while ((received.get(Number(number))?.length ?? 0) < streams.length) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return received.get(Number(number));
  },
  async () => {
    for (const stream of streams) stream.destroy();
  },
);
process.send?.('ready');

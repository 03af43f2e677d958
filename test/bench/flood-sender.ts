import { type Agent, request as httpRequest } from 'node:http';
import { performance } from 'node:perf_hooks';

export interface Sent {
  readonly status: number;
  readonly ms: number;
}

/** Posts one request; rejects where no answer comes. */
export function sendTraces(agent: Agent, port: number, key: string, body: Buffer): Promise<Sent> {
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/x-protobuf',
    'content-length': body.length,
  };
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { agent, host: '127.0.0.1', port, method: 'POST', path: '/v1/traces', headers },
      (answer) => {
        answer.resume();
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, ms: performance.now() - startedAt }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** A flood does not wait for answers, yet no sender has any number of connections. */
const MOST_OPEN = 64;

/**
 * Sends at a steady rate, whether answers come or not, until told to stop; resolves with every answer.
 * @param perSecond requests; fewer where so many are open that no answer has come for
 */
export async function sendSteadily(
  send: () => Promise<Sent>,
  perSecond: number,
  stopped: Promise<unknown>,
): Promise<Sent[]> {
  const startedAt = performance.now();
  const answers: Sent[] = [];
  const open = new Set<Promise<unknown>>();
  let due = 0;
  const timer = setInterval(() => {
    const now = ((performance.now() - startedAt) * perSecond) / 1_000;
    for (; due < now; due++) {
      if (open.size >= MOST_OPEN) continue;
      const answer = send()
        .then((sent) => answers.push(sent))
        .finally(() => open.delete(answer));
      open.add(answer);
    }
  }, 5);
  await stopped;
  clearInterval(timer);
  await Promise.all(open);
  return answers;
}

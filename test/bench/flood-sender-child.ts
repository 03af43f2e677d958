import { Agent } from 'node:http';
import { serve } from './child-messages.ts';
import { FloodBodies } from './flood-body.ts';
import { type Sent, sendSteadily, sendTraces } from './flood-sender.ts';

/** The one that floods, in a process of its own: what it costs to send is not the receiver's to bear. */
const [port = '', key = '', tenant = '', spans = '', perSecond = ''] = process.argv.slice(2);
const bodies = new FloodBodies(tenant, Number(spans));
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let stop: () => void = () => undefined;
let answers: Promise<Sent[]> = Promise.resolve([]);

serve(
  async (request) => {
    if (request === 'start') {
      const stopped = new Promise<void>((resolve) => {
        stop = resolve;
      });
      answers = sendSteadily(() => sendTraces(agent, Number(port), key, bodies.next()), Number(perSecond), stopped);
      return {};
    }
    stop();
    const all = await answers;
    return { sent: all.length, taken: all.filter(({ status }) => status === 200).length };
  },
  async () => agent.destroy(),
);
process.send?.({});

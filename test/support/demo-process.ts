/** The demo SaaS as a real child process, for tests that need exact figures from an app that uses the packed library. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromDemo, ToDemo } from '../../src/demo/messages.ts';

export interface DemoOptions {
  /** OTLP base URL. */
  readonly otlp: string;
  readonly api: string;
  readonly key: string;
  readonly databaseUrl: string;
  /** Further options, as on the command line: `{ rate: 0, tenants: 5 }`. Default rate 0: only scripted requests. */
  readonly options?: Readonly<Record<string, string | number>>;
  /** Default: the built demo of this checkout. */
  readonly mainFile?: string;
}

type MessageOf<Type extends FromDemo['type']> = Extract<FromDemo, { type: Type }>;

export interface DemoProcess {
  readonly ready: MessageOf<'ready'>;
  readonly url: string;
  readonly pid: number;
  /** Sends exactly these requests and returns what both sides of them saw. */
  run(requests: Extract<ToDemo, { type: 'run' }>['requests'], concurrency?: number): Promise<MessageOf<'done'>>;
  stats(): Promise<MessageOf<'stats'>>;
  load(on: boolean): void;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Benches run as built files themselves, two folders below it. */
const BUILT = import.meta.url.endsWith('.ts') ? '../../dist/' : '../../';
const MAIN_FILE = fileURLToPath(new URL(`${BUILT}src/demo/main.js`, import.meta.url));

function nextMessage<Type extends FromDemo['type']>(child: ChildProcess, type: Type): Promise<MessageOf<Type>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromDemo) => {
      if (message.type !== type && message.type !== 'failed') return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      if (message.type === 'failed') reject(new Error(`The demo failed: ${message.reason}`));
      else resolve(message as MessageOf<Type>);
    };
    const onExit = (code: number | null) => reject(new Error(`The demo ended with ${code} before it said ${type}`));
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}

export async function startDemoProcess(settings: DemoOptions): Promise<DemoProcess> {
  const options = {
    otlp: settings.otlp,
    api: settings.api,
    key: settings.key,
    'database-url': settings.databaseUrl,
    rate: 0,
    ...settings.options,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = fork(settings.mainFile ?? MAIN_FILE, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ready = await nextMessage(child, 'ready');
  const ask = <Type extends FromDemo['type']>(message: ToDemo, type: Type) => {
    const answer = nextMessage(child, type);
    child.send(message);
    return answer;
  };
  return {
    ready,
    url: `http://127.0.0.1:${ready.port}`,
    pid: child.pid ?? 0,
    run: (requests, concurrency) =>
      ask({ type: 'run', requests, ...(concurrency === undefined ? {} : { concurrency }) }, 'done'),
    stats: () => ask({ type: 'stats' }, 'stats'),
    load: (on) => {
      child.send({ type: 'load', on } satisfies ToDemo);
    },
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null) resolve(child.exitCode);
        child.once('exit', (code) => resolve(code));
        child.kill('SIGTERM');
      }),
  };
}

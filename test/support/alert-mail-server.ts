/** A real SMTP server that keeps the mail it is given and can be told to misbehave. */
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { ownCertificate } from './alert-certificate.ts';

interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers unfolded, by lower-case name; those that come more than once in a list. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly raw: string;
  readonly secure: boolean;
  readonly user: string | undefined;
}

export interface MailServerUnderTest {
  readonly port: number;
  readonly ca: string;
  readonly received: ReceivedMail[];
  /** What is answered, by the step at which it is; absent: all is well. */
  refuse: { connect?: number; auth?: number; from?: number; to?: Readonly<Record<string, number>>; data?: number };
  /** `greeting`: says nothing at all; `data`: hangs up in the middle of the message; `answer`: after it, without a word. */
  fault: 'greeting' | 'data' | 'answer' | undefined;
  close(): Promise<void>;
}

export const MAIL_USER = { user: 'tenantry', password: 'correct horse' };

function refusal(code: number): Error {
  return Object.assign(new Error(`no, says the server to ops@example.com (${code})`), { responseCode: code });
}

function headersOf(raw: string): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  const [head = ''] = raw.split('\r\n\r\n');
  for (const line of head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(line.indexOf(':') + 1).trim()]);
  }
  return headers;
}

/** @param tls as the server speaks it: from the start, when asked, or not at all */
export async function startMailServer(
  tls: 'implicit' | 'starttls' | 'never',
  { auth = false }: { readonly auth?: boolean } = {},
): Promise<MailServerUnderTest> {
  const { key, cert } = ownCertificate();
  const sockets = new Set<Socket>();
  const received: ReceivedMail[] = [];
  const state: Pick<MailServerUnderTest, 'received' | 'refuse' | 'fault'> = { received, refuse: {}, fault: undefined };
  const refusedWith = (code: number | undefined) => (code === undefined ? null : refusal(code));
  const server = new SMTPServer({
    ...{ key, cert, secure: tls === 'implicit', authOptional: !auth, allowInsecureAuth: tls === 'never' },
    disabledCommands: [...(tls === 'never' ? ['STARTTLS'] : []), ...(auth ? [] : ['AUTH'])],
    ...{ disableReverseLookup: true, logger: false, closeTimeout: 10 },
    onConnect: (_session, done) => {
      if (state.fault !== 'greeting') done(refusedWith(state.refuse.connect));
    },
    onAuth: ({ username, password }, _session, done) => {
      if (state.refuse.auth !== undefined) done(refusal(state.refuse.auth));
      else if (username === MAIL_USER.user && password === MAIL_USER.password) done(null, { user: username });
      else done(refusal(535));
    },
    onMailFrom: (_address, _session, done) => done(refusedWith(state.refuse.from)),
    onRcptTo: ({ address }, _session, done) => done(refusedWith(state.refuse.to?.[address])),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      if (state.fault === 'data') for (const socket of sockets) socket.destroy();
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (state.fault === 'data') return;
        if (state.refuse.data !== undefined) return done(refusal(state.refuse.data));
        const raw = Buffer.concat(chunks).toString('utf8');
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          headers: headersOf(raw),
          raw,
          secure: session.secure,
          user: typeof session.user === 'string' ? session.user : undefined,
        });
        if (state.fault === 'answer') for (const socket of sockets) socket.destroy();
        else done();
      });
    },
  });
  server.on('error', () => undefined);
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return Object.assign(state, {
    port: (server.server.address() as AddressInfo).port,
    ca: cert,
    close: () =>
      new Promise<void>((resolve) => {
        // Sockets are left to the server: one that is destroyed under its TLS ends the process (Node 20).
        server.close(() => resolve());
      }),
  });
}

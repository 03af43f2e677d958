import { readFile } from 'node:fs/promises';
import type { NodemailerError, SentMessageInfo } from 'nodemailer';
import type { SendOutcome } from '../../control/alert-retry.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/window.ts';
import type { Delivery } from './delivery.ts';
import { emailMessage } from './email-message.ts';

export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** `implicit`: TLS from the start; `starttls`: demanded before anything is said; `never`: in the clear. */
  readonly tls: 'implicit' | 'starttls' | 'never';
  readonly from: string;
  readonly auth: { readonly user: string; readonly password: () => Promise<string> } | undefined;
  /** PEM of a private authority; for tests. */
  readonly ca?: string;
  /** From the connection to the server's last word. */
  readonly timeoutMs?: number;
}

export type SendEmail = (to: readonly string[], delivery: Delivery) => Promise<SendOutcome>;

const TIMEOUT_MS = 30 * SECOND_MS;
const STEP_TIMEOUT_MS = 10 * SECOND_MS;
/** Something has to be put right by people first; asking again at once would only lock an account. */
const SETUP_RETRY_MS = 5 * MINUTE_MS;
/** Messages of which some recipients have theirs while others are asked for again. */
const MOST_REMEMBERED = 1_000;

/** @param settings as they were checked when they were read */
export function mailServerOf(settings: {
  readonly TENANTRY_SMTP_URL?: string | undefined;
  readonly TENANTRY_SMTP_FROM?: string | undefined;
  readonly TENANTRY_SMTP_USER?: string | undefined;
  readonly TENANTRY_SMTP_PASSWORD?: string | undefined;
  readonly TENANTRY_SMTP_PASSWORD_FILE?: string | undefined;
}): MailServer | undefined {
  const { TENANTRY_SMTP_URL: text, TENANTRY_SMTP_FROM: from, TENANTRY_SMTP_USER: user } = settings;
  const { TENANTRY_SMTP_PASSWORD: password, TENANTRY_SMTP_PASSWORD_FILE: file } = settings;
  if (text === undefined || from === undefined) return undefined;
  const url = new URL(text);
  const isImplicit = url.protocol === 'smtps:';
  const isClear = url.searchParams.get('tls') === 'never';
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (isImplicit ? 465 : isClear ? 25 : 587) : Number(url.port),
    tls: isImplicit ? 'implicit' : isClear ? 'never' : 'starttls',
    from,
    auth:
      user === undefined
        ? undefined
        : {
            user,
            password: async () => (file === undefined ? (password ?? '') : (await readFile(file, 'utf8')).trimEnd()),
          },
  };
}

/**
 * Sends by the operator's mail server, one connection a message. Never throws; details hold neither addresses nor the
 * server's own words, which may quote them.
 */
export function emailSender(server: MailServer): SendEmail {
  const taken = new Map<string, ReadonlySet<string>>();
  return async (to, delivery) => {
    const key = delivery.idempotencyKey;
    const had = taken.get(key) ?? new Set();
    const left = to.filter((address) => !had.has(address));
    if (left.length === 0) return { kind: 'sent' };
    taken.delete(key);
    try {
      const info = await send(server, left, delivery);
      const outcome = outcomeOf(info);
      if (outcome.kind === 'retry') {
        taken.set(key, new Set([...had, ...(info.accepted ?? []).map(addressOf)]));
        for (const oldest of taken.keys()) if (taken.size > MOST_REMEMBERED) taken.delete(oldest);
      }
      return outcome;
    } catch (thrown) {
      if (had.size > 0) taken.set(key, had);
      return failureOf(thrown as NodemailerError);
    }
  };
}

async function send(server: MailServer, to: readonly string[], delivery: Delivery): Promise<SentMessageInfo> {
  const { host, port, tls, from, auth, ca, timeoutMs = TIMEOUT_MS } = server;
  const password = await auth?.password().catch(() => {
    throw Object.assign(new Error('the password cannot be read'), { code: 'EPASSWORD' });
  });
  // With the first mail: no start waits for its forty modules.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    ...{ host, port, secure: tls === 'implicit', requireTLS: tls === 'starttls', ignoreTLS: tls === 'never' },
    ...(auth === undefined ? {} : { auth: { user: auth.user, pass: password ?? '' } }),
    ...{ connectionTimeout: STEP_TIMEOUT_MS, greetingTimeout: STEP_TIMEOUT_MS, dnsTimeout: STEP_TIMEOUT_MS },
    ...{ socketTimeout: STEP_TIMEOUT_MS, socketCloseTimeout: 0 },
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
  const { references, headers, ...message } = emailMessage(from, delivery);
  return transport.sendMail({
    ...message,
    ...{ references: [...references], headers: { ...headers }, to: [...to] },
    signal: AbortSignal.timeout(timeoutMs),
  });
}

function addressOf(recipient: string | { readonly address: string }): string {
  return typeof recipient === 'string' ? recipient : recipient.address;
}

/** The server took it for one at least. Those whom it put off are asked for again, alone. */
function outcomeOf({ rejected = [], rejectedErrors = [] }: SentMessageInfo): SendOutcome {
  if (rejected.length === 0) return { kind: 'sent' };
  const isLater = rejectedErrors.some(({ responseCode = 0 }: NodemailerError) => responseCode < 500);
  const detail = `the mail server did not take it for ${rejected.length} of the recipients`;
  return isLater ? { kind: 'retry', reason: 'answer', detail } : { kind: 'sent', shortfall: detail };
}

function failureOf({ code = '', responseCode, name }: NodemailerError): SendOutcome {
  const setup = { kind: 'retry', reason: 'setup', retryAfterMs: SETUP_RETRY_MS } as const;
  if (code === 'EPASSWORD') return { ...setup, detail: 'the password for the mail server cannot be read' };
  if (code === 'EAUTH' || code === 'ENOAUTH') {
    const said = responseCode === undefined ? '' : ` (${responseCode})`;
    return { ...setup, detail: `the mail server does not accept the user and password of the settings${said}` };
  }
  if (code === 'ETLS') return { ...setup, detail: 'no TLS with the mail server, which the settings demand' };
  if (responseCode !== undefined && responseCode > 0) {
    const detail = `the mail server answered ${responseCode}`;
    // 503 is about the order of commands: on another connection the same message goes through.
    const isPermanent = responseCode >= 500 && responseCode !== 503;
    return { kind: isPermanent ? 'refused' : 'retry', reason: 'answer', detail };
  }
  if (code === 'EENVELOPE' || code === 'EMESSAGE') {
    return { kind: 'refused', reason: 'message', detail: 'the mail server does not take such a message' };
  }
  if (code === 'ETIMEDOUT' || code === 'EABORT' || name === 'TimeoutError') {
    return { kind: 'retry', reason: 'timeout', detail: 'the mail server did not answer in time' };
  }
  const shown = /^[A-Z0-9_]{1,50}$/.test(code) ? code : 'unknown error';
  return { kind: 'retry', reason: 'connection', detail: `no connection to the mail server (${shown})` };
}

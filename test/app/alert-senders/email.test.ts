import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Delivery } from '../../../src/app/alert-senders/delivery.ts';
import { emailMessage } from '../../../src/app/alert-senders/email-message.ts';
import { emailSender, type MailServer, mailServerOf } from '../../../src/app/alert-senders/smtp.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { MAIL_USER, type MailServerUnderTest, startMailServer } from '../../support/alert-mail-server.ts';
import { ALERT_START, alertOf } from '../../support/alert-samples.ts';

const FROM = 'alerts@tenantry.example';
const OPS = 'ops@example.com';
const LINK = `https://tenantry.example${alertOf().link}`;

let server: MailServerUnderTest | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const delivery = (changes: Partial<Delivery> = {}): Delivery => ({
  ...{ idempotencyKey: 'msg_1', answers: [], event: 'trigger', alerts: [alertOf()] },
  linkOf: ({ link }) => `https://tenantry.example${link}`,
  now: ALERT_START + 30_000,
  ...changes,
});

async function start(tls: MailServer['tls'], options: { auth?: boolean } = {}): Promise<MailServerUnderTest> {
  server = await startMailServer(tls, options);
  return server;
}

const settingsOf = ({ port, ca }: MailServerUnderTest, tls: MailServer['tls'], more: Partial<MailServer> = {}) => ({
  ...{ host: '127.0.0.1', port, ca, tls, from: FROM, auth: undefined, timeoutMs: 5_000 },
  ...more,
});
const authWith = (password: string) => ({ user: MAIL_USER.user, password: async () => password });

describe('TLS and signing in', () => {
  test.each(['implicit', 'starttls'] as const)('%s: the message and the password go encrypted', async (tls) => {
    const mail = await start(tls, { auth: true });
    const send = emailSender(settingsOf(mail, tls, { auth: authWith(MAIL_USER.password) }));
    expect(await send([OPS], delivery())).toEqual({ kind: 'sent' });
    expect(mail.received).toMatchObject([{ from: FROM, to: [OPS], secure: true, user: MAIL_USER.user }]);
  });

  test('a server without STARTTLS is not told anything, unless the settings want it so', async () => {
    const mail = await start('never');
    const outcome = await emailSender(settingsOf(mail, 'starttls'))([OPS], delivery());
    expect(outcome).toMatchObject({ kind: 'retry', reason: 'setup', detail: expect.stringContaining('no TLS') });
    expect(mail.received).toEqual([]);
    expect(await emailSender(settingsOf(mail, 'never'))([OPS], delivery())).toEqual({ kind: 'sent' });
    expect(mail.received).toMatchObject([{ secure: false }]);
  });

  test.each(['implicit', 'starttls'] as const)('%s: a certificate that nobody vouches for is refused', async (tls) => {
    const mail = await start(tls);
    const { ca: _ca, ...stranger } = settingsOf(mail, tls);
    expect(await emailSender(stranger)([OPS], delivery())).toMatchObject({ kind: 'retry' });
    expect(mail.received).toEqual([]);
  });

  test('a wrong password waits for somebody to set it right, and stands nowhere', async () => {
    const mail = await start('starttls', { auth: true });
    const outcome = await emailSender(settingsOf(mail, 'starttls', { auth: authWith('wrong-secret') }))(
      [OPS],
      delivery(),
    );
    expect(outcome).toEqual({
      ...{ kind: 'retry', reason: 'setup', retryAfterMs: 300_000 },
      detail: 'the mail server does not accept the user and password of the settings (535)',
    });
    expect(JSON.stringify(outcome)).not.toMatch(/wrong-secret|ops@/);
  });

  test('a password that cannot be read', async () => {
    const mail = await start('starttls', { auth: true });
    const auth = { user: 'x', password: () => Promise.reject(new Error('ENOENT /run/secrets/mail')) };
    expect(await emailSender(settingsOf(mail, 'starttls', { auth }))([OPS], delivery())).toMatchObject({
      ...{ kind: 'retry', reason: 'setup', detail: 'the password for the mail server cannot be read' },
    });
  });
});

describe('what the server answers', () => {
  test.each([
    ['connect', 421, 'retry'],
    ['connect', 554, 'refused'],
    ['from', 451, 'retry'],
    ['from', 550, 'refused'],
    ['data', 421, 'retry'],
    ['data', 451, 'retry'],
    ['data', 452, 'retry'],
    ['data', 503, 'retry'],
    ['data', 550, 'refused'],
    ['data', 552, 'refused'],
  ] as const)('%s %i: %s', async (step, code, kind) => {
    const mail = await start('never');
    mail.refuse = { [step]: code };
    const outcome = await emailSender(settingsOf(mail, 'never'))([OPS], delivery());
    expect(outcome).toEqual({ kind, reason: 'answer', detail: `the mail server answered ${code}` });
    expect(mail.received).toEqual([]);
  });

  test('every recipient refused for good, and every one put off', async () => {
    const mail = await start('never');
    const send = emailSender(settingsOf(mail, 'never'));
    mail.refuse = { to: { [OPS]: 550, 'b@example.com': 550 } };
    expect(await send([OPS, 'b@example.com'], delivery())).toMatchObject({ kind: 'refused' });
    mail.refuse = { to: { [OPS]: 550, 'b@example.com': 450 } };
    expect(await send([OPS, 'b@example.com'], delivery())).toMatchObject({ kind: 'retry' });
  });

  test('one recipient put off is asked for again alone; one refused for good is said', async () => {
    const mail = await start('never');
    const send = emailSender(settingsOf(mail, 'never'));
    mail.refuse = { to: { 'b@example.com': 450 } };
    expect(await send([OPS, 'b@example.com'], delivery())).toMatchObject({ kind: 'retry', reason: 'answer' });
    mail.refuse = {};
    expect(await send([OPS, 'b@example.com'], delivery())).toEqual({ kind: 'sent' });
    expect(mail.received.map(({ to }) => to)).toEqual([[OPS], ['b@example.com']]);
    mail.refuse = { to: { 'b@example.com': 550 } };
    expect(await send([OPS, 'b@example.com'], delivery({ idempotencyKey: 'msg_2' }))).toEqual({
      ...{ kind: 'sent', shortfall: 'the mail server did not take it for 1 of the recipients' },
    });
  });
});

describe('connections that break', () => {
  test('in the middle of the message, and after it', async () => {
    const mail = await start('never');
    const send = emailSender(settingsOf(mail, 'never'));
    for (const fault of ['data', 'answer'] as const) {
      mail.fault = fault;
      expect(await send([OPS], delivery()), fault).toMatchObject({ kind: 'retry', reason: 'connection' });
    }
    mail.fault = undefined;
    expect(await send([OPS], delivery())).toEqual({ kind: 'sent' });
    // Taken twice, as nobody can know; the same message to every reader.
    const ids = mail.received.map(({ headers }) => headers.get('message-id')?.[0]);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test('a server that says nothing, one that drips, and nobody there', async () => {
    const mail = await start('never');
    mail.fault = 'greeting';
    const brief = { timeoutMs: 200 };
    expect(await emailSender(settingsOf(mail, 'never', brief))([OPS], delivery())).toMatchObject({
      ...{ kind: 'retry', reason: 'timeout', detail: 'the mail server did not answer in time' },
    });
    const dripping: Server = createServer((socket) => {
      const timer = setInterval(() => socket.write('220-x\r\n'), 20);
      socket.on('close', () => clearInterval(timer)).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => {
      dripping.listen(0, '127.0.0.1', resolve);
    });
    const { port } = dripping.address() as { port: number };
    expect(await emailSender(settingsOf(mail, 'never', { ...brief, port }))([OPS], delivery())).toMatchObject({
      ...{ kind: 'retry', reason: 'timeout' },
    });
    await new Promise((resolve) => dripping.close(resolve));
    expect(await emailSender(settingsOf(mail, 'never', { port }))([OPS], delivery())).toMatchObject({
      ...{ kind: 'retry', reason: 'connection' },
    });
  });
});

describe('the message', () => {
  test('says what happened in text and HTML, with the link to the page that explains it', async () => {
    const mail = await start('never');
    await emailSender(settingsOf(mail, 'never'))([OPS, 'b@example.com'], delivery());
    const [{ headers, raw } = { headers: new Map(), raw: '' }] = mail.received;
    expect(headers.get('subject')).toEqual(['[Tenantry] acme: requests at 4.1x its baseline']);
    expect(headers.get('to')).toEqual([`${OPS}, b@example.com`]);
    expect(headers.get('auto-submitted')).toEqual(['auto-generated']);
    expect(headers.get('content-type')?.[0]).toMatch(/^multipart\/alternative/);
    const { text, html } = emailMessage(FROM, delivery());
    expect(text).toContain(
      `acme sent 4.1x its usual requests (8,240 against 2,010)\nwarning, tenant acme, plan growth`,
    );
    expect(text).toContain(LINK);
    expect(html).toContain(`<a href="${LINK.replaceAll('&', '&amp;')}">`);
    expect(raw).toContain('text/plain');
  });

  test('the end answers the message that told of the beginning', async () => {
    const mail = await start('never');
    const send = emailSender(settingsOf(mail, 'never'));
    await send([OPS], delivery({ idempotencyKey: 'msg_first' }));
    await send([OPS], delivery({ idempotencyKey: 'msg_end', event: 'resolve', answers: ['msg_first', 'msg_second'] }));
    const [first, end] = mail.received.map(({ headers }) => headers);
    const firstId = first?.get('message-id')?.[0] ?? 'none';
    expect(first?.has('in-reply-to')).toBe(false);
    expect(end?.get('in-reply-to')).toEqual([firstId]);
    expect(end?.get('references')?.[0]?.split(' ')).toHaveLength(2);
    expect(end?.get('references')?.[0]).toContain(firstId);
    expect(end?.get('subject')).toEqual(['[Tenantry] Resolved: acme: requests at 4.1x its baseline']);
    expect(end?.get('message-id')?.[0]).not.toBe(firstId);
  });

  test('no name can add a header, a recipient or markup, or turn the direction of writing', async () => {
    const mail = await start('never');
    const title = 'acme\r\nBcc: thief@evil.example\r\n\r\n<script>alert(1)</script>\u2028\u0000\u202Egpj.exe';
    const hostile = alertOf({ title, reason: `"><img src=x onerror=alert(1)>\r\n.\r\nQUIT`, tenantId: 'a\r\nTo: x' });
    const change = { alerts: [hostile], linkOf: () => 'https://t.example/?a="><script>', idempotencyKey: 'msg_h' };
    expect(await emailSender(settingsOf(mail, 'never'))([OPS], delivery(change))).toEqual({ kind: 'sent' });
    const [{ headers, to } = { headers: new Map(), to: [] }] = mail.received;
    expect(to).toEqual([OPS]);
    expect(headers.has('bcc')).toBe(false);
    expect(headers.get('subject')).toHaveLength(1);
    const { subject, html } = emailMessage(FROM, delivery(change));
    expect(subject).not.toMatch(/[\p{Cc}\p{Zl}\u202E]/u);
    expect(html).not.toMatch(/<script|<img/);
    expect(html).toContain('&lt;script&gt;');
  });

  test('hundreds of alerts are one message of a bounded size', () => {
    const alerts = Array.from({ length: 400 }, () => alertOf({ reason: 'x'.repeat(1_000) }));
    const { subject, text, html } = emailMessage(FROM, delivery({ alerts }));
    expect(subject).toBe('[Tenantry] acme: requests at 4.1x its baseline (and 399 more)');
    expect(text).toContain('… and 380 more.');
    expect(text.length + html.length).toBeLessThan(100_000);
  });
});

describe('settings', () => {
  const of = (env: Record<string, string>) => mailServerOf(loadConfig({ TENANTRY_SMTP_FROM: FROM, ...env }));

  test.each([
    ['smtp://mail.example.com', { host: 'mail.example.com', port: 587, tls: 'starttls' }],
    ['smtps://mail.example.com', { port: 465, tls: 'implicit' }],
    ['smtp://relay.internal:2525?tls=never', { host: 'relay.internal', port: 2_525, tls: 'never' }],
    ['smtp://[::1]:25', { host: '::1', port: 25, tls: 'starttls' }],
  ])('%s', (url, expected) => {
    expect(of({ TENANTRY_SMTP_URL: url })).toMatchObject({ from: FROM, auth: undefined, ...expected });
  });

  test.each([
    'http://mail.example.com',
    'smtp://user:secret@mail.example.com',
    'smtps://mail.example.com?tls=never',
    'smtp://mail.example.com/path',
    'mail.example.com',
  ])('%s is refused', (url) => {
    expect(() => of({ TENANTRY_SMTP_URL: url })).toThrow(/TENANTRY_SMTP_URL/);
    expect(() => of({ TENANTRY_SMTP_URL: url })).not.toThrow(/secret@/);
  });

  test('without a server or a sender there is no e-mail', () => {
    expect(of({})).toBeUndefined();
    expect(mailServerOf(loadConfig({ TENANTRY_SMTP_URL: 'smtp://mail.example.com' }))).toBeUndefined();
  });
});

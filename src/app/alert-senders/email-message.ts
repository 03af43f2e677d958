/** An e-mail about alerts: what stands in it, and what it answers. Names of tenants are theirs, so nothing is trusted. */
import { createHash } from 'node:crypto';
import type { Alert, AlertEvent } from '../../domain/alert.ts';
import { htmlText } from '../../domain/html-text.ts';
import type { Delivery } from './delivery.ts';

export interface EmailMessage {
  readonly from: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  readonly inReplyTo?: string;
  readonly references: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

/** More than this nobody reads; the page has all. */
const MOST_ALERTS = 20;
const MOST_SUBJECT = 150;
/** A header of references that grows for ever is refused by some servers. */
const MOST_REFERENCES = 10;

const WORDS: Readonly<Record<AlertEvent, string>> = {
  trigger: '',
  acknowledge: 'Acknowledged: ',
  resolve: 'Resolved: ',
};
const COLOURS: Readonly<Record<Alert['severity'], string>> = {
  critical: '#b3261e',
  warning: '#9a6700',
  info: '#0b57d0',
};

/**
 * One line: line breaks would end a header, and characters that turn the direction of writing would make one name look
 * like another.
 */
function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{Bidi_Control}/gu, '')
    .trim();
}

function escaped(text: string): string {
  return htmlText(oneLine(text));
}

/** The same alert's messages find each other by what they answer, so ids are made from keys that outlive a restart. */
function messageIdOf(key: string, from: string): string {
  const local = createHash('sha256').update(key).digest('hex').slice(0, 40);
  return `<${local}@${from.slice(from.lastIndexOf('@') + 1)}>`;
}

function when(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function linesOf(alert: Alert, event: AlertEvent): readonly string[] {
  const by = event === 'acknowledge' && alert.ackedBy !== null ? [`Taken on by ${oneLine(alert.ackedBy)}.`] : [];
  const until = alert.endedAt === null ? '' : `, until ${when(alert.endedAt)}`;
  const plan = alert.plan === null ? '' : `, plan ${oneLine(alert.plan)}`;
  return [
    oneLine(alert.reason),
    ...by,
    `${alert.severity}, tenant ${oneLine(alert.tenantId)}${plan}, since ${when(alert.startedAt)}${until}`,
  ];
}

/** @param from the address that it is sent from */
export function emailMessage(from: string, delivery: Delivery): EmailMessage {
  const { idempotencyKey, answers, event, alerts, linkOf } = delivery;
  const shown = alerts.slice(0, MOST_ALERTS);
  const rest = alerts.length - shown.length;
  const more = alerts.length > 1 ? ` (and ${alerts.length - 1} more)` : '';
  const title = oneLine(shown[0]?.title ?? '');
  const references = answers.slice(0, MOST_REFERENCES).map((key) => messageIdOf(key, from));
  const [inReplyTo] = references;
  const text = shown.map((alert) =>
    [`${WORDS[event]}${oneLine(alert.title)}`, ...linesOf(alert, event), linkOf(alert)].join('\n'),
  );
  const html = shown.map((alert) => {
    const [reason = '', ...facts] = linesOf(alert, event);
    const link = escaped(linkOf(alert));
    const colour = event === 'trigger' ? COLOURS[alert.severity] : '#1a7f37';
    return [
      `<h2 style="font-size:16px;margin:0 0 4px;color:${colour}">${WORDS[event]}${escaped(alert.title)}</h2>`,
      `<p style="margin:0 0 4px">${escaped(reason)}</p>`,
      ...facts.map((fact) => `<p style="margin:0 0 4px;color:#57606a">${escaped(fact)}</p>`),
      `<p style="margin:0 0 20px"><a href="${link}">See what happened</a></p>`,
    ].join('\n');
  });
  const tail = rest > 0 ? [`… and ${rest} more.`] : [];
  return {
    from,
    subject: `[Tenantry] ${WORDS[event]}${title.slice(0, MOST_SUBJECT)}${more}`,
    text: [...text, ...tail].join('\n\n'),
    html: `<!doctype html><html><body style="font-family:sans-serif;font-size:14px">\n${[...html, ...tail.map((line) => `<p>${line}</p>`)].join('\n')}\n</body></html>`,
    messageId: messageIdOf(idempotencyKey, from),
    ...(inReplyTo === undefined ? {} : { inReplyTo }),
    references,
    // Out-of-office replies to a machine help nobody.
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Tenantry-Message-Key': idempotencyKey,
    },
  };
}

import type { Alert, AlertEvent } from '../../domain/alert.ts';
import type { Delivery } from './delivery.ts';
import type { Message } from './safe-post.ts';

/** A section's text holds at most 3000 characters and a message 50 blocks; more than this nobody reads anyway. */
const MOST_ALERTS = 10;
const MOST_REASON = 800;

const WORDS: Readonly<Record<AlertEvent, string>> = {
  trigger: '',
  acknowledge: 'Acknowledged: ',
  resolve: 'Resolved: ',
};
const MARKS: Readonly<Record<Alert['severity'], string>> = {
  critical: ':red_circle:',
  warning: ':large_orange_circle:',
  info: ':large_blue_circle:',
};

/** The three characters that Slack reads as markup; without this a tenant's name could ping a channel or fake a link. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function section(text: string) {
  return { type: 'section', text: { type: 'mrkdwn', text } };
}

/** An incoming webhook's message: `text` for notifications, one block for each alert. */
export function slackMessage(url: string, { event, alerts, linkOf }: Delivery): Message {
  const shown = alerts.slice(0, MOST_ALERTS);
  const [first] = shown;
  const more = alerts.length > 1 ? ` (and ${alerts.length - 1} more)` : '';
  const blocks = shown.map((alert) => {
    const mark = event === 'trigger' ? MARKS[alert.severity] : ':white_check_mark:';
    const by = event === 'acknowledge' && alert.ackedBy !== null ? ` by ${escaped(alert.ackedBy)}` : '';
    const title = `${mark} *${WORDS[event]}<${linkOf(alert)}|${escaped(alert.title)}>*${by}`;
    return section(`${title}\n${escaped(alert.reason.slice(0, MOST_REASON))}`);
  });
  const rest = alerts.length > shown.length ? [section(`… and ${alerts.length - shown.length} more`)] : [];
  const text = `${WORDS[event]}${escaped(first?.title ?? '')}${more}`;
  return { url, headers: {}, body: JSON.stringify({ text, blocks: [...blocks, ...rest] }) };
}

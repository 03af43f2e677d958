/**
 * The token of this frame. It comes with the address or from the host page, is kept in memory only, and is renewed by
 * asking the host in time. Cookies are never used here: whose usage is shown is what the token says, whoever is signed in.
 *
 *   frame -> host   { type: 'tenantry:ready' }  { type: 'tenantry:token-needed' }  { type: 'tenantry:height', height }
 *   host -> frame   { type: 'tenantry:token', token }
 */
import { useEffect, useState } from 'preact/hooks';
import { authorizeBy, serverNow } from '../shared/api-client.ts';
import { claimsOf, type EmbedClaims, embedLook, renewIn, tokenOfHash } from './embed-look.ts';

export interface EmbedSession {
  readonly claims: EmbedClaims | undefined;
  /** Counts tokens, so that what failed with the last one is asked again. */
  readonly turn: number;
}

/** The host is asked no more often than this, however often requests are refused. */
const ASK_AGAIN_MS = 5_000;

let token = '';
let session: EmbedSession = { claims: undefined, turn: 0 };
let hostOrigin: string | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let askedAt = Number.NEGATIVE_INFINITY;
const listeners = new Set<(session: EmbedSession) => void>();

/** Says something to the host, if it is the page that the address names: the browser delivers it to no other. */
export function tellHost(message: Readonly<Record<string, unknown>>): void {
  if (hostOrigin !== undefined && window.parent !== window) window.parent.postMessage(message, hostOrigin);
}

export function askForToken(): void {
  if (Date.now() - askedAt < ASK_AGAIN_MS) return;
  askedAt = Date.now();
  tellHost({ type: 'tenantry:token-needed' });
}

function take(text: string): void {
  const claims = claimsOf(text);
  if (claims === undefined) return;
  token = text;
  session = { claims, turn: session.turn + 1 };
  clearTimeout(timer);
  timer = setTimeout(askForToken, renewIn(claims, serverNow()));
  for (const listener of listeners) listener(session);
}

function hear(event: MessageEvent): void {
  if (hostOrigin === undefined || event.origin !== hostOrigin || event.source !== window.parent) return;
  const data: unknown = event.data;
  if (typeof data !== 'object' || data === null) return;
  const { type, token: text } = data as Record<string, unknown>;
  if (type === 'tenantry:token' && typeof text === 'string') take(text);
}

/** Called before anything is asked or painted. */
export function startEmbedSession(): void {
  authorizeBy(() => token);
  const look = embedLook(new URLSearchParams(location.search));
  hostOrigin = look.hostOrigin;
  const root = document.documentElement;
  root.classList.add('embedded');
  if (look.theme !== 'system') root.dataset['theme'] = look.theme;
  if (look.accent !== undefined) {
    root.style.setProperty('--accent', look.accent.color);
    root.style.setProperty('--on-accent', look.accent.on);
  }
  window.addEventListener('message', hear);
  const given = tokenOfHash(location.hash);
  // Not for the history, nor for whoever copies the frame's address.
  history.replaceState(null, '', location.pathname + location.search);
  if (given !== undefined) take(given);
  tellHost({ type: 'tenantry:ready' });
  if (session.claims === undefined) askForToken();
}

export function useEmbedSession(): EmbedSession {
  const [now, setNow] = useState(session);
  useEffect(() => {
    setNow(session);
    listeners.add(setNow);
    return () => {
      listeners.delete(setNow);
    };
  }, []);
  return now;
}

/** What the address of a frame says: how it looks, who its host is, and with which token it may ask. Pure. */
import { type EmbedView, isEmbedView } from '../../../src/domain/embed.ts';

export interface EmbedLook {
  readonly theme: 'system' | 'light' | 'dark';
  /** The host's own colour, and what can be read on it. */
  readonly accent: { readonly color: string; readonly on: '#000000' | '#ffffff' } | undefined;
  /** The only page that is spoken with; undefined: none. */
  readonly hostOrigin: string | undefined;
}

export function embedLook(query: URLSearchParams): EmbedLook {
  const theme = query.get('theme');
  return {
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    accent: accentOf(query.get('accent') ?? ''),
    hostOrigin: originOf(query.get('origin') ?? ''),
  };
}

/** Six hex digits and nothing else: this becomes part of a style. */
function accentOf(text: string): EmbedLook['accent'] {
  const [, hex] = /^#?([0-9a-f]{6})$/i.exec(text) ?? [];
  if (hex === undefined) return undefined;
  const channel = (at: number) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  // Relative luminance as WCAG has it; from here on black has more contrast than white.
  const luminance = 0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4);
  return { color: `#${hex.toLowerCase()}`, on: luminance > 0.179 ? '#000000' : '#ffffff' };
}

function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { origin, protocol } = new URL(text);
  return origin === text && /^https?:$/.test(protocol) ? origin : undefined;
}

/** The token behind `#token=`. */
export function tokenOfHash(hash: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? undefined;
}

export interface EmbedClaims {
  readonly tenantId: string;
  readonly views: readonly EmbedView[];
  /** Unix ms. */
  readonly expiresAt: number;
}

/** What a token says of itself, for what to show and when to ask for the next one; the server alone checks it. */
export function claimsOf(token: string): EmbedClaims | undefined {
  try {
    const payload = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (letter) =>
      letter.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== 'object' || claims === null) return undefined;
    const { tenant_id: tenantId, views, exp } = claims as Record<string, unknown>;
    if (typeof tenantId !== 'string' || typeof exp !== 'number' || !Array.isArray(views)) return undefined;
    return { tenantId, views: views.filter(isEmbedView), expiresAt: exp * 1_000 };
  } catch {
    return undefined;
  }
}

/** So long before the end a new one is asked for; of short lives, the last fifth. */
const AHEAD_MS = 60_000;

/** Milliseconds until a new token should be asked for; 0: now. */
export function renewIn({ expiresAt }: EmbedClaims, now: number): number {
  const left = expiresAt - now;
  return Math.max(0, left - Math.min(AHEAD_MS, left / 5));
}

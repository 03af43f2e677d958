import type { FastifyRequest } from 'fastify';

/** Scripts, styles and data come from here alone, nobody may frame the pages, and no address leaks to other sites. */
export const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

const ONE_YEAR = 'max-age=31536000';

/** Whether the caller came by https, as a proxy that is trusted says, or as everybody does. */
function isByHttps(request: Pick<FastifyRequest, 'protocol'>, alwaysHttps: boolean): boolean {
  return alwaysHttps || request.protocol === 'https';
}

/**
 * Headers of every answer. Browsers remember the promise of https for a year, so it is made only where https is spoken:
 * without it nobody would get in any more.
 */
export function edgeHeaders(request: FastifyRequest, alwaysHttps: boolean): Record<string, string> {
  return {
    ...SECURITY_HEADERS,
    ...(isByHttps(request, alwaysHttps) ? { 'strict-transport-security': ONE_YEAR } : {}),
    'cache-control': 'no-store',
    'x-request-id': request.id,
  };
}

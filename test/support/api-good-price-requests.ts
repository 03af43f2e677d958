import { OWN } from './api-harness.ts';

const NEW_PRICE = { provider: 'openai', model: 'gpt-4o', kind: 'input', price_usd: '2.50' };

/** The part of `GOOD_REQUESTS` about prices, contracts, months and repricing. */
export const GOOD_PRICE_REQUESTS = {
  'GET /v1/prices': { url: '/v1/prices?q=gpt', status: 200 },
  'POST /v1/prices': { url: '/v1/prices', payload: { prices: [NEW_PRICE], reason: 'list' }, status: 201 },
  'DELETE /v1/prices/:id': { url: '/v1/prices/not-there', status: 404 },
  'GET /v1/prices/versions': { url: '/v1/prices/versions', status: 200 },
  'GET /v1/prices/unpriced': { url: '/v1/prices/unpriced', status: 200 },
  'POST /v1/prices/imports/preview': {
    url: '/v1/prices/imports/preview',
    payload: { format: 'litellm', text: '{}' },
    status: 200,
  },
  'POST /v1/prices/imports': {
    url: '/v1/prices/imports',
    payload: { format: 'litellm', text: '{}', expected_version: 1, reason: 'list' },
    status: 201,
  },
  'GET /v1/price-overrides': { url: `/v1/price-overrides?tenant_id=${OWN}`, status: 200 },
  'POST /v1/price-overrides': {
    url: '/v1/price-overrides',
    payload: { tenant_id: OWN, prices: [NEW_PRICE], reason: 'promised' },
    status: 201,
  },
  'DELETE /v1/price-overrides/:id': { url: '/v1/price-overrides/not-there', status: 404 },
  'GET /v1/contracts': { url: '/v1/contracts', status: 200 },
  'PUT /v1/contracts/:name': {
    url: '/v1/contracts/gold',
    payload: { discount_percent: 12.5, reason: 'signed' },
    status: 200,
  },
  'DELETE /v1/contracts/:name': { url: '/v1/contracts/not-there', status: 404 },
  'POST /v1/contracts/:name/prices': {
    url: '/v1/contracts/not-there/prices',
    payload: { prices: [NEW_PRICE], reason: 'signed' },
    status: 404,
  },
  'DELETE /v1/contracts/:name/prices/:id': { url: '/v1/contracts/gold/prices/not-there', status: 404 },
  'PUT /v1/contracts/:name/tenants/:tenant_id': {
    url: `/v1/contracts/not-there/tenants/${OWN}`,
    payload: { reason: 'signed' },
    status: 404,
  },
  'DELETE /v1/contracts/:name/tenants/:tenant_id': { url: `/v1/contracts/not-there/tenants/${OWN}`, status: 404 },
  'GET /v1/months': { url: '/v1/months', status: 200 },
  'POST /v1/months/:month/close': { url: '/v1/months/2026-05/close', status: 201 },
  'GET /v1/months/:month/ai-costs': { url: '/v1/months/2020-01/ai-costs', status: 404 },
  'POST /v1/repricings/preview': {
    url: '/v1/repricings/preview',
    payload: { from: '2026-04', to: '2026-05' },
    status: 200,
  },
  'POST /v1/repricings': {
    url: '/v1/repricings',
    payload: { from: '2026-04', to: '2026-05', expected_version: 1, reason: 'found out' },
    status: 201,
  },
  'GET /v1/repricings': { url: '/v1/repricings', status: 200 },
} as const;

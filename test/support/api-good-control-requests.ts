import { OWN } from './api-harness.ts';

/** The part of `GOOD_REQUESTS` about the policy: who decides, on what, and what was decided. */
export const GOOD_CONTROL_REQUESTS = {
  'GET /v1/control/kill-switch': { url: '/v1/control/kill-switch', status: 200 },
  'PUT /v1/control/kill-switch': {
    url: '/v1/control/kill-switch',
    payload: { on: true, reason: 'drill' },
    status: 200,
  },
  'GET /v1/control/allow-list': { url: '/v1/control/allow-list', status: 200 },
  'PUT /v1/control/allow-list/:tenant_id': {
    url: `/v1/control/allow-list/${OWN}`,
    payload: { owner: 'ann', reason: 'migrates this week', expires_in_seconds: 86_400 },
    status: 200,
  },
  'DELETE /v1/control/allow-list/:tenant_id': { url: '/v1/control/allow-list/not-there', status: 404 },
  'GET /v1/control/reach': { url: '/v1/control/reach?revision=7', status: 200 },
  'GET /v1/control/rules': { url: '/v1/control/rules', status: 200 },
  'GET /v1/control/rules/:rule/stage': { url: '/v1/control/rules/tenantry%2F1/stage', status: 200 },
  'PUT /v1/control/rules/:rule/stage': {
    url: '/v1/control/rules/tenantry%2F1/stage',
    payload: { stage: 'shadow', reason: 'drill' },
    status: 200,
  },
  'GET /v1/control/tenant-stages': { url: '/v1/control/tenant-stages', status: 200 },
  'PUT /v1/control/tenant-stages/:tenant_id': {
    url: `/v1/control/tenant-stages/${OWN}`,
    payload: { stage: 'shadow', reason: 'a new customer' },
    status: 200,
  },
  'DELETE /v1/control/tenant-stages/:tenant_id': { url: '/v1/control/tenant-stages/not-there', status: 404 },
  'GET /v1/control/approvals': { url: '/v1/control/approvals?pending=true', status: 200 },
  'POST /v1/control/approvals/:id/approve': {
    url: '/v1/control/approvals/not-there/approve',
    payload: { note: 'go on' },
    status: 404,
  },
  'POST /v1/control/approvals/:id/deny': { url: '/v1/control/approvals/not-there/deny', payload: {}, status: 404 },
  'GET /v1/control/known-peaks': { url: '/v1/control/known-peaks', status: 200 },
  'POST /v1/control/known-peaks': {
    url: '/v1/control/known-peaks',
    payload: { name: 'month end', from: '2026-11-30T00:00:00Z', to: '2026-12-01T00:00:00Z' },
    status: 201,
  },
  'PUT /v1/control/known-peaks/:id': {
    url: '/v1/control/known-peaks/0b0e7b39-52b6-4b4c-9a53-3a4d3b1c8a10',
    payload: {
      name: 'monday',
      weekly: { time_zone: 'Europe/Berlin', weekdays: [1], start: '08:30', length_minutes: 90 },
    },
    status: 200,
  },
  'DELETE /v1/control/known-peaks/:id': {
    url: '/v1/control/known-peaks/1b0e7b39-52b6-4b4c-9a53-3a4d3b1c8a10',
    status: 404,
  },
  'GET /v1/deploys': { url: '/v1/deploys?service=shop', status: 200 },
  'POST /v1/deploys': { url: '/v1/deploys', payload: { service: 'shop', version: '1.4.1' }, status: 201 },
  'GET /v1/backtests': { url: '/v1/backtests', status: 200 },
  'POST /v1/backtests': {
    url: '/v1/backtests',
    payload: { rule: 'tenantry/1', from: '2026-06-01T00:00:00Z', to: '2026-06-02T00:00:00Z' },
    status: 202,
  },
  'GET /v1/backtests/:id': { url: '/v1/backtests/1b0e7b39-52b6-4b4c-9a53-3a4d3b1c8a10', status: 404 },
  'DELETE /v1/backtests/:id': { url: '/v1/backtests/1b0e7b39-52b6-4b4c-9a53-3a4d3b1c8a10', status: 404 },
} as const;

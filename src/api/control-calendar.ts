import { randomUUID } from 'node:crypto';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { NewKnownPeak, PeakTime } from '../domain/automation.ts';
import { EVERY_TENANT } from '../domain/breaker.ts';
import { TenantryError } from '../domain/errors.ts';
import { DAY_MS, MINUTE_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { backtestToWire, draftOf, peakToWire } from './control-convert.ts';
import {
  backtestListSchema,
  backtestSchema,
  knownPeakListSchema,
  knownPeakSchema,
  newBacktestSchema,
  newKnownPeakSchema,
} from './control-schemas.ts';
import { staffOf } from './guard.ts';
import { lineOfText, noQuery, wholeNumber } from './parameters.ts';

const LONGEST_BACKTEST_MS = 31 * DAY_MS;

function peakOf(body: z.infer<typeof newKnownPeakSchema>): NewKnownPeak {
  const { tenant_id: tenantId = EVERY_TENANT, name, note = '' } = body;
  return { tenantId, name, note, time: timeOf(body) };
}

function timeOf({ from, to, weekly }: z.infer<typeof newKnownPeakSchema>): PeakTime {
  if (weekly !== undefined && from === undefined && to === undefined) {
    const { time_zone: timeZone, weekdays, start, length_minutes: lengthMinutes } = weekly;
    if (!isTimeZone(timeZone)) throw badTime(`${timeZone} is no time zone that is known here`);
    const [hours = 0, minutes = 0] = start.split(':').map(Number);
    return {
      kind: 'weekly',
      timeZone,
      weekdays: [...new Set(weekdays)],
      startMinute: hours * 60 + minutes,
      lengthMinutes,
    };
  }
  if (weekly !== undefined || from === undefined || to === undefined) {
    throw badTime('it has either both `from` and `to`, or `weekly`');
  }
  const time = { kind: 'once', from: Date.parse(from), to: Date.parse(to) } as const;
  if (time.to <= time.from) throw badTime('it ends after it begins');
  return time;
}

function badTime(problem: string): TenantryError {
  return new TenantryError('BAD_REQUEST', `No known peak: ${problem}.`, {
    hint: 'from and to as in 2026-11-27T00:00:00Z, or weekly with time_zone, weekdays, start and length_minutes.',
  });
}

/** Names only: an offset such as +02:00 has no summer time. */
function isTimeZone(name: string): boolean {
  try {
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

function peakRoutes({ ports: { control } }: ApiContext): FastifyPluginCallbackZod {
  const url = '/v1/control/known-peaks/:id';
  const params = z.object({ id: z.uuid() });
  const shared = { tags: ['control'], querystring: noQuery };
  return (app, _options, done) => {
    app.get(
      '/v1/control/known-peaks',
      {
        schema: {
          ...shared,
          operationId: 'listKnownPeaks',
          summary: 'Times in which much load is expected: nobody is throttled automatically in them',
          response: { 200: knownPeakListSchema },
        },
      },
      async (request) => ({ items: (await control.peaks.list(staffOf(request))).map(peakToWire) }),
    );
    app.post(
      '/v1/control/known-peaks',
      {
        schema: {
          ...shared,
          operationId: 'createKnownPeak',
          summary: 'Enter a time in which much load is expected, once or every week',
          body: newKnownPeakSchema,
          response: { 201: knownPeakSchema },
        },
      },
      async (request, reply) => {
        const stored = await control.peaks.put(staffOf(request), randomUUID(), peakOf(request.body));
        return reply.code(201).send(peakToWire(stored));
      },
    );
    app.put(
      url,
      {
        schema: {
          ...shared,
          operationId: 'putKnownPeak',
          summary: 'Enter a known peak under an id of your own, or change it',
          params,
          body: newKnownPeakSchema,
          response: { 200: knownPeakSchema },
        },
      },
      async (request) => peakToWire(await control.peaks.put(staffOf(request), request.params.id, peakOf(request.body))),
    );
    app.delete(
      url,
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          ...shared,
          operationId: 'deleteKnownPeak',
          summary: 'Take a known peak out of the calendar',
          params,
          response: { 204: z.undefined().describe('Removed') },
        },
      },
      async (request, reply) => {
        if (await control.peaks.remove(staffOf(request), request.params.id)) return reply.code(204).send();
        throw new TenantryError('NOT_FOUND', 'The calendar has no such peak.', {
          hint: 'GET /v1/control/known-peaks lists them.',
        });
      },
    );
    done();
  };
}

/** @throws TenantryError BAD_REQUEST for a time that is none, too long, or of the future */
function windowOf(body: z.infer<typeof newBacktestSchema>, now: number) {
  const [from, to] = [Date.parse(body.from), Date.parse(body.to)];
  const problem =
    (!(to - from >= MINUTE_MS) && 'it is at least a minute long') ||
    (to - from > LONGEST_BACKTEST_MS && 'it is at most 31 days long') ||
    (to > now + MINUTE_MS && 'it does not reach into the future');
  if (problem === false) return { from, to };
  throw new TenantryError('BAD_REQUEST', `No backtest: ${problem}.`, {
    hint: 'Choose from and to within what is stored, see TENANTRY_RETAIN_MINUTES_DAYS.',
  });
}

function noSuchBacktest(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no such backtest.', { hint: 'GET /v1/backtests lists them.' });
}

function backtestRoutes({ ports: { control }, now }: ApiContext): FastifyPluginCallbackZod {
  const params = z.object({ id: z.uuid() });
  return (app, _options, done) => {
    app.get(
      '/v1/backtests',
      {
        schema: {
          operationId: 'listBacktests',
          tags: ['control'],
          summary: 'Replays of stored history through rules, newest first',
          querystring: z.strictObject({ rule: lineOfText(1, 100).optional(), limit: wholeNumber(1, 200).default(50) }),
          response: { 200: backtestListSchema },
        },
      },
      async (request) => {
        const { rule, limit } = request.query;
        const filter = { limit, ...(rule === undefined ? {} : { rule }) };
        return { items: (await control.backtests.list(staffOf(request), filter)).map(backtestToWire) };
      },
    );
    app.post(
      '/v1/backtests',
      {
        config: { errors: ['RATE_LIMITED'] },
        schema: {
          operationId: 'createBacktest',
          tags: ['control'],
          summary: 'Replay stored history through a rule as it is, or through a draft of it; runs by itself',
          querystring: noQuery,
          body: newBacktestSchema,
          response: { 202: backtestSchema },
        },
      },
      async (request, reply) => {
        const { rule, draft = {}, labels = null } = request.body;
        const question = { ...windowOf(request.body, now()), draft: draftOf(draft), labels };
        return reply.code(202).send(backtestToWire(await control.backtests.ask(staffOf(request), rule, question)));
      },
    );
    app.get(
      '/v1/backtests/:id',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'getBacktest',
          tags: ['control'],
          summary: 'How far a backtest is, and what came of it',
          params,
          querystring: noQuery,
          response: { 200: backtestSchema },
        },
      },
      async (request) => {
        const backtest = await control.backtests.get(staffOf(request), request.params.id);
        if (backtest === undefined) throw noSuchBacktest();
        return backtestToWire(backtest);
      },
    );
    app.delete(
      '/v1/backtests/:id',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'cancelBacktest',
          tags: ['control'],
          summary: 'End a backtest that waits or runs',
          params,
          querystring: noQuery,
          response: { 204: z.undefined().describe('Cancelled') },
        },
      },
      async (request, reply) => {
        if (await control.backtests.cancel(staffOf(request), request.params.id)) return reply.code(204).send();
        throw noSuchBacktest();
      },
    );
    done();
  };
}

/** What is expected, and what history says: the calendar and the backtests. */
export function calendarRoutes(context: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.register(peakRoutes(context));
    app.register(backtestRoutes(context));
    done();
  };
}

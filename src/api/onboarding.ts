import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { NewTenant, Onboarded, OnboardingTerms } from '../domain/onboarding.ts';
import { NO_RETENTION } from '../domain/retention.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import { orderedTags, type ProfileFields } from '../domain/tenant-profile.ts';
import { capTermsOf } from './caps.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import { newRetentionSchema, retentionOf } from './lifecycle-retention.ts';
import { newMemberSchema } from './members.ts';
import type { OnboardedTenant } from './onboarding-contract.ts';
import { instant, lineOfText, noQuery, tenantIdText } from './parameters.ts';
import { planName } from './plans-schemas.ts';
import { newProfileSchema } from './profiles-schemas.ts';
import { newCapSchema } from './spend-schemas.ts';

const MOST_MEMBERS = 100;
const MOST_CAPS = 50;
const { segment, owner, display_name: displayNameText, tags } = newProfileSchema.shape;
/** Visible ASCII, as the draft of the header field has it in quotes or not. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/;

const newTenantSchema = z
  .strictObject({
    tenant_id: tenantIdText.describe("The operator's own word for the customer, as spans will name it"),
    display_name: displayNameText.unwrap().unwrap().exactOptional(),
    plan: planName.exactOptional().describe('One of GET /v1/plans; its quotas, caps and retention hold from now on'),
    seats: z.int().min(0).max(1_000_000_000).exactOptional(),
    billing_day: z.int().min(1).max(31).exactOptional().describe('Day on which its months begin'),
    owner: owner.unwrap().unwrap().exactOptional(),
    segment: segment.unwrap().unwrap().exactOptional(),
    tags,
    caps: z
      .array(newCapSchema)
      .max(MOST_CAPS)
      .refine(
        (all) => new Set(all.map(({ period, key, model }) => JSON.stringify([period, key, model]))).size === all.length,
        'must have at most one cap for each period, key and model',
      )
      .exactOptional()
      .describe("Caps of its own, in the place of the plan's"),
    members: z
      .array(newMemberSchema.omit({ tenant_id: true }))
      .max(MOST_MEMBERS)
      .refine(
        (all) => new Set(all.map(({ email }) => email.toLowerCase())).size === all.length,
        'must name each address once',
      )
      .exactOptional()
      .describe('Who should have access first'),
    ingest_key: z
      .strictObject({
        name: lineOfText(1, 200).exactOptional(),
        service: lineOfText(1, 128).exactOptional(),
        expires_at: instant.exactOptional(),
      })
      .exactOptional()
      .describe('Make a key by which it sends its own telemetry'),
    trial: z
      .strictObject({
        ends_at: instant,
        then_plan: planName.nullable().exactOptional().describe('null: off every plan; absent: it stays where it is'),
      })
      .exactOptional(),
    retention: newRetentionSchema.exactOptional(),
  })
  .meta({ id: 'NewTenant' });

const onboardedTenantSchema = z
  .object({
    tenant_id: z.string(),
    created: z.boolean().describe('false: telemetry or a person had named it before, and the call adopted it'),
    replayed: z.boolean().describe('true: the same call had been made before, and nothing was done now'),
    onboarded_at: z.string(),
    onboarded_by: z.string(),
    ingest_key: z
      .object({ id: z.string(), key: z.string().nullable().describe('Shown this once; null in a repetition') })
      .nullable(),
    terms: z.record(z.string(), z.unknown()).describe('What it was signed up with'),
  })
  .meta({ id: 'OnboardedTenant' });

type Body = z.infer<typeof newTenantSchema>;

/** What the body says, in one order and spelling, so that two spellings of one call are one call. */
function canonicalBody({ tenant_id: _id, ...body }: Body): OnboardingTerms {
  const { tags: labels, members, caps, trial, ingest_key: key, ...plain } = body;
  const moment = (text: string) => rfc3339(Date.parse(text));
  const sorted = <Item>(items: readonly Item[], by: (item: Item) => string) =>
    items.toSorted((a, b) => (by(a) < by(b) ? -1 : 1));
  const people = members?.map(({ email, role, state = 'invited' }) => ({ email: email.toLowerCase(), role, state }));
  // Through JSON: what is undefined is absent.
  return JSON.parse(
    JSON.stringify({
      ...plain,
      tags: labels === undefined ? undefined : orderedTags(labels),
      members: people && sorted(people, ({ email }) => email),
      caps: caps && sorted(caps, ({ period, key: of = '', model = '' }) => `${period} ${of} ${model}`),
      trial: trial && { ...trial, ends_at: moment(trial.ends_at) },
      ingest_key: key && { ...key, ...(key.expires_at === undefined ? {} : { expires_at: moment(key.expires_at) }) },
    }),
  ) as OnboardingTerms;
}

function profileOf({ display_name: displayName, owner: who, segment: of, tags: labels }: Body): Partial<ProfileFields> {
  return {
    ...(displayName === undefined ? {} : { displayName }),
    ...(who === undefined ? {} : { owner: who }),
    ...(of === undefined ? {} : { segment: of }),
    ...(labels === undefined ? {} : { tags: orderedTags(labels) }),
  };
}

function wantedOf(tenantId: TenantId, body: Body, timeZone: string): NewTenant {
  const { plan, seats, billing_day: billingDay, ingest_key: key, trial, retention } = body;
  return {
    tenantId,
    profile: profileOf(body),
    ...(plan === undefined ? {} : { plan }),
    ...(seats === undefined ? {} : { seats: BigInt(seats) }),
    ...(billingDay === undefined ? {} : { billingDay }),
    caps: (body.caps ?? []).map((cap) => capTermsOf(cap, timeZone)),
    members: (body.members ?? []).map(({ email, role, state = 'invited' }) => ({
      ...{ email: email.toLowerCase(), role, state },
    })),
    ...(key === undefined
      ? {}
      : {
          ingestKey: {
            name: key.name ?? `telemetry of ${tenantId}`.slice(0, 200),
            ...(key.service === undefined ? {} : { service: key.service }),
            ...(key.expires_at === undefined ? {} : { expiresAt: Date.parse(key.expires_at) }),
          },
        }),
    ...(trial === undefined
      ? {}
      : {
          trial: {
            endsAt: Date.parse(trial.ends_at),
            ...(trial.then_plan === undefined ? {} : { thenPlan: trial.then_plan }),
          },
        }),
    ...(retention === undefined ? {} : { retention: { ...NO_RETENTION, ...retentionOf(retention) } }),
    terms: canonicalBody(body),
  };
}

function onboardedToWire(made: Onboarded): OnboardedTenant {
  const { tenantId, created, replayed, keyId, key, terms } = made;
  return {
    ...{ tenant_id: tenantId, created, replayed },
    ...{ onboarded_at: rfc3339(made.onboardedAt), onboarded_by: made.onboardedBy },
    ingest_key: keyId === null ? null : { id: keyId, key },
    terms: { ...terms },
  };
}

/** Signing tenants up in one call. */
export function onboardingRoutes({ ports: { lifecycle, caps } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'POST',
      url: '/v1/tenants',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'onboardTenant',
        tags: ['tenants'],
        summary:
          'Sign a tenant up: profile, plan, seats, caps, first people and key at once, all or nothing. The same call again (with or without Idempotency-Key) answers the same with 200',
        querystring: noQuery,
        body: newTenantSchema,
        response: { 200: onboardedTenantSchema, 201: onboardedTenantSchema },
      },
      handler: async (request, reply) => {
        const tenantId = parseTenantId(request.body.tenant_id);
        if (tenantId === undefined) throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
        const header = request.headers['idempotency-key'];
        const given = Array.isArray(header) ? header.join(',') : header;
        if (given !== undefined && !IDEMPOTENCY_KEY.test(given)) {
          throw new TenantryError('BAD_REQUEST', 'header "Idempotency-Key": must be 1 to 200 visible characters.');
        }
        const wanted = wantedOf(tenantId, request.body, caps.timeZone);
        const made = await lifecycle.onboarding.onboard(staffOf(request), wanted, given);
        return reply.code(made.replayed ? 200 : 201).send(onboardedToWire(made));
      },
    });
    done();
  };
}

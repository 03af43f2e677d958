import { z } from 'zod';
import { DELETION_STEPS, MOST_DELETION_WAITING_DAYS } from '../domain/deletion.ts';
import { lineOfText, tenantIdText } from './parameters.ts';

const reason = lineOfText(1, 500).describe('Why, in one sentence for people');
const placeRows = z.object({ place: z.string(), rows: z.number() });

export const deletionRequestSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    state: z
      .enum(['requested', 'cancelled', 'running', 'failed'])
      .describe('One that is done is gone with the tenant: GET /v1/deletion-certificates has its certificate'),
    reason: z.string(),
    legal_basis: z.string(),
    requested_by: z.string(),
    requested_at: z.string(),
    not_before: z.string().describe('Nothing is deleted before'),
    ended_at: z.string().nullable(),
    ended_by: z.string().nullable(),
    started_at: z.string().nullable(),
    step: z.enum(DELETION_STEPS).nullable().describe('What the deletion is at; null: it has not begun'),
    steps_done: z.int(),
    steps_total: z.int(),
    progress: z.array(placeRows).describe('Rows deleted so far, table by table; empty for tenant callers'),
    waits_for: z.string().nullable(),
    failure: z.string().nullable(),
    legal_hold: z.boolean().describe('Nothing of the tenant may be deleted while this holds'),
    next_step: z.string().describe('What happens now, in one sentence'),
  })
  .meta({ id: 'DeletionRequest' });

export const deletionRequestListSchema = z
  .object({
    items: z.array(deletionRequestSchema),
    waiting_days: z.int(),
    automatic: z.boolean().describe('Requests are carried out when they are due; false: when an admin starts them'),
  })
  .meta({ id: 'DeletionRequestList' });

export const newDeletionRequestSchema = z
  .strictObject({
    reason,
    tenant_id: tenantIdText.exactOptional().describe("Needed from the operator's people"),
    legal_basis: lineOfText(1, 500)
      .exactOptional()
      .describe('Which duty or right is fulfilled, for the certificate. No personal data: it is kept for good'),
    waiting_days: z
      .int()
      .min(0)
      .max(MOST_DELETION_WAITING_DAYS)
      .exactOptional()
      .describe("Only from the operator's people; default: the installation's"),
  })
  .meta({ id: 'NewDeletionRequest' });

export const legalHoldSchema = z
  .object({ tenant_id: z.string(), reason: z.string(), set_by: z.string(), set_at: z.string() })
  .meta({ id: 'LegalHold' });

export const legalHoldListSchema = z.object({ items: z.array(legalHoldSchema) }).meta({ id: 'LegalHoldList' });

export const newLegalHoldSchema = z.strictObject({ reason }).meta({ id: 'NewLegalHold' });

const proofSchema = z
  .object({ place: z.string(), query: z.string().describe('{tenant} stands for the id'), result: z.number() })
  .meta({ id: 'DeletionProof' });

const summary = {
  id: z.string(),
  pseudonym: z.string().describe("Keyed hash of the tenant's id"),
  requested_at: z.string(),
  finished_at: z.string(),
  legal_basis: z.string(),
  rows_deleted: z.number(),
};

export const certificateListSchema = z
  .object({ items: z.array(z.object(summary).meta({ id: 'DeletionCertificateSummary' })) })
  .meta({ id: 'DeletionCertificateList' });

export const certificateSchema = z
  .object({
    ...summary,
    requested_by: z.enum(['tenant', 'operator']),
    not_before: z.string(),
    started_at: z.string(),
    started_by: z.enum(['operator', 'schedule']),
    tenantry_version: z.string(),
    deleted: z.array(placeRows),
    kept_under_pseudonym: z.array(placeRows).describe('Figures that go on adding up to bills and closed months'),
    names_taken_out: z.array(placeRows).describe("Others' rows that named the tenant"),
    audit_records: z.int().describe('Records of the audit log whose words were taken out'),
    proofs: z.array(proofSchema),
    limits: z.array(z.string()).describe('What this does not prove'),
    signed_text: z.string(),
    sha256: z.string(),
    signature: z.string().describe('Ed25519 over signed_text, base64'),
    public_key: z.string().describe('SPKI, base64'),
    aftercare: z
      .object({ at: z.string(), notes: z.array(z.string()), files_left: z.array(z.string()).nullable() })
      .nullable()
      .describe("What was done to the stores' files afterwards"),
  })
  .meta({ id: 'DeletionCertificate' });

export const verifyBodySchema = z
  .strictObject({
    tenant_id: tenantIdText.exactOptional().describe('To search files too, which needs the id itself'),
  })
  .meta({ id: 'DeletionVerifyBody' });

export const verificationSchema = z
  .object({
    certificate_id: z.string(),
    checked_at: z.string(),
    holds: z.boolean(),
    signature_good: z.boolean(),
    chained: z.boolean().describe('The audit chain has the certificate’s hash'),
    audit_as_left: z.boolean().describe('The records that were rewritten are as the deletion left them'),
    entered_anew: z.boolean().describe('The tenant was entered again since, so that rows of it are no fault'),
    proofs: z.array(proofSchema),
    files_left: z.array(z.string()).nullable().describe('null: not searched'),
  })
  .meta({ id: 'DeletionVerification' });

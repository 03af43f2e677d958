import { z } from 'zod';
import { isProfileText, PROFILE_LIMITS } from '../domain/tenant-profile.ts';
import { wholeNumber } from './parameters.ts';

const MOST_CONTENT = 2_000_000;

function label(longest: number) {
  return z
    .string()
    .min(1)
    .max(longest)
    .refine(
      (text) => isProfileText(text, longest),
      'must be one line of text without spaces around it and without control characters',
    );
}

const fields = {
  segment: z.string().nullable(),
  owner: z.string().nullable(),
  display_name: z.string().nullable(),
  tags: z.array(z.string()),
};

export const profileItemSchema = z
  .object({
    tenant_id: z.string(),
    plan: z.string().nullable(),
    ...fields,
    revision: z.int().describe('Counts the changes; 0: nobody has said anything'),
  })
  .meta({ id: 'TenantProfile' });

export const profileListSchema = z
  .object({ items: z.array(profileItemSchema), next_cursor: z.string().nullable() })
  .meta({ id: 'TenantProfileList' });

export const newProfileSchema = z
  .strictObject({
    segment: label(PROFILE_LIMITS.segment).nullable().exactOptional(),
    owner: label(PROFILE_LIMITS.owner).nullable().exactOptional(),
    display_name: label(PROFILE_LIMITS.displayName).nullable().exactOptional(),
    tags: z.array(label(PROFILE_LIMITS.tag)).max(PROFILE_LIMITS.tags).exactOptional(),
    expected_revision: z
      .int()
      .min(0)
      .max(2_147_483_647)
      .exactOptional()
      .describe('Refuses the change when the profile has another revision by now'),
  })
  .meta({ id: 'NewTenantProfile' });

export const newProfileImportSchema = z
  .strictObject({
    content: z
      .string()
      .min(1)
      .max(MOST_CONTENT)
      .describe('CSV: tenant_id and any of segment, owner, display_name, tags'),
    dry_run: z.boolean().exactOptional().describe('Say what would happen, and change nothing'),
    fingerprint: z
      .string()
      .max(64)
      .exactOptional()
      .describe('Of the preview: nothing is written if the file would do something else by now'),
  })
  .meta({ id: 'NewTenantProfileImport' });

export const profileImportSchema = z
  .object({
    dry_run: z.boolean(),
    lines: z.int(),
    problems: z.array(z.object({ line: z.int(), problem: z.string() })),
    changed: z.int(),
    unchanged: z.int(),
    new_tenants: z.int(),
    changes: z
      .array(
        z.object({
          tenant_id: z.string(),
          is_new_tenant: z.boolean(),
          before: z.object(fields),
          after: z.object(fields),
        }),
      )
      .describe('The first 500'),
    fingerprint: z.string(),
  })
  .meta({ id: 'TenantProfileImport' });

const MOST_LISTED = 10_000;
const filterText = (longest: number) => z.string().min(1).max(longest).optional();

export const profileListQuery = z.strictObject({
  segment: filterText(PROFILE_LIMITS.segment),
  owner: filterText(PROFILE_LIMITS.owner),
  plan: filterText(64),
  q: filterText(PROFILE_LIMITS.displayName).describe('Part of the tenant id or of the display name'),
  limit: wholeNumber(1, MOST_LISTED).default(1_000),
  cursor: z.string().max(500).optional(),
});

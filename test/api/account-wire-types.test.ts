// The types that the account pages are written against are those that the server checks.
import { expect, test } from 'vitest';
import type { z } from 'zod';
import type * as deletions from '../../src/api/deletions-contract.ts';
import type {
  deletionRequestListSchema,
  deletionRequestSchema,
  legalHoldListSchema,
  legalHoldSchema,
  newDeletionRequestSchema,
  newLegalHoldSchema,
} from '../../src/api/deletions-schemas.ts';
import type {
  createdEmbedTokenSchema,
  embedTokenListSchema,
  embedTokenSchema,
  newEmbedTokenSchema,
} from '../../src/api/embed.ts';
import type * as embed from '../../src/api/embed-contract.ts';
import type { memberChangeSchema, memberItemSchema, memberListSchema, newMemberSchema } from '../../src/api/members.ts';
import type * as members from '../../src/api/members-contract.ts';
import type { planFeatureListSchema } from '../../src/api/plan-features.ts';
import type * as plans from '../../src/api/plan-features-contract.ts';
import type * as scim from '../../src/api/scim-contract.ts';
import type { directorySchema, roleRulesSchema } from '../../src/api/scim-mapping.ts';

/** True only for the very same type, in both directions, with optional and readonly marks. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Unfolds intersections, so that two ways to write one object type compare equal. */
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

/** The compiler checks this: a field that only one side has, or with another type, makes one of them `false`. */
const AGREEMENTS: {
  member: Agree<typeof memberItemSchema, members.MemberItem>;
  members: Agree<typeof memberListSchema, members.MemberList>;
  newMember: Agree<typeof newMemberSchema, members.NewMemberBody>;
  memberChange: Agree<typeof memberChangeSchema, members.MemberChangeBody>;
  deletion: Agree<typeof deletionRequestSchema, deletions.DeletionRequestItem>;
  deletions: Agree<typeof deletionRequestListSchema, deletions.DeletionRequestList>;
  newDeletion: Agree<typeof newDeletionRequestSchema, deletions.NewDeletionRequest>;
  hold: Agree<typeof legalHoldSchema, deletions.LegalHoldItem>;
  holds: Agree<typeof legalHoldListSchema, deletions.LegalHoldList>;
  newHold: Agree<typeof newLegalHoldSchema, { reason: string }>;
  directory: Agree<typeof directorySchema, scim.DirectoryItem>;
  roleRules: Agree<typeof roleRulesSchema, scim.RoleRulesBody>;
  planFeatures: Agree<typeof planFeatureListSchema, plans.PlanFeatureList>;
  token: Agree<typeof embedTokenSchema, embed.EmbedTokenItem>;
  tokens: Agree<typeof embedTokenListSchema, embed.EmbedTokenList>;
  newToken: Agree<typeof newEmbedTokenSchema, embed.NewEmbedTokenBody>;
  createdToken: Agree<typeof createdEmbedTokenSchema, embed.CreatedEmbedToken>;
} = {
  member: true,
  members: true,
  newMember: true,
  memberChange: true,
  deletion: true,
  deletions: true,
  newDeletion: true,
  hold: true,
  holds: true,
  newHold: true,
  directory: true,
  roleRules: true,
  planFeatures: true,
  token: true,
  tokens: true,
  newToken: true,
  createdToken: true,
};

test('zod schemas and contract types of members, deletion and frames agree', () => {
  expect(Object.values(AGREEMENTS)).not.toContain(false);
});

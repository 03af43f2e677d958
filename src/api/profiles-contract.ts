/** Wire types of tenant profiles; part of `contract.ts`. */
interface ProfileFieldsItem {
  /** null: nobody has said it. */
  segment: string | null;
  owner: string | null;
  display_name: string | null;
  tags: string[];
}

export interface TenantProfileItem extends ProfileFieldsItem {
  tenant_id: string;
  plan: string | null;
  /** Counts the changes; pass it on as `expected_revision`. 0: nobody has said anything. */
  revision: number;
}

export interface TenantProfileList {
  items: TenantProfileItem[];
  next_cursor: string | null;
}

export interface NewTenantProfile {
  segment?: string | null;
  owner?: string | null;
  display_name?: string | null;
  tags?: string[];
  expected_revision?: number;
}

export interface NewTenantProfileImport {
  /** CSV with the column tenant_id and any of segment, owner, display_name, tags. */
  content: string;
  dry_run?: boolean;
  /** Of the preview: nothing is written if the file would do something else by now. */
  fingerprint?: string;
}

export interface TenantProfileImport {
  dry_run: boolean;
  lines: number;
  problems: { line: number; problem: string }[];
  changed: number;
  unchanged: number;
  new_tenants: number;
  /** The first 500. */
  changes: { tenant_id: string; is_new_tenant: boolean; before: ProfileFieldsItem; after: ProfileFieldsItem }[];
  fingerprint: string;
}

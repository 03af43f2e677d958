import { useState } from 'preact/hooks';
import type { WhoAmI } from '../../../src/api/contract.ts';
import { Dialog } from '../shared/form.tsx';

/**
 * For people of several tenants: which they are, and how another one is opened. Not by a click here: the open one is part
 * of the signed token, and only who signed it can make another.
 */
export function OtherTenants({ who }: { who: WhoAmI }) {
  const [open, setOpen] = useState(false);
  const others = (who.tenants ?? []).filter((tenant) => tenant !== who.tenant_id);
  if (others.length === 0) return null;
  return (
    <>
      <button type="button" class="button quiet small" data-testid="other-tenants" onClick={() => setOpen(true)}>
        {`and ${others.length} more`}
      </button>
      {open && (
        <Dialog title="Your tenants" testId="other-tenants-dialog" onClose={() => setOpen(false)}>
          <ul>
            {who.tenant_id !== null && (
              <li>
                {who.tenant_id} <span class="badge accent">open</span>
              </li>
            )}
            {others.map((tenant) => (
              <li key={tenant}>{tenant}</li>
            ))}
          </ul>
          <p>
            Your sign-in says which one is open. To open another, choose it at your organisation's identity provider and
            sign in again.
          </p>
          <p class="dialog-actions">
            <button type="button" class="button primary" onClick={() => setOpen(false)}>
              Close
            </button>
          </p>
        </Dialog>
      )}
    </>
  );
}

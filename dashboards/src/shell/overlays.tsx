import { useMemo } from 'preact/hooks';
import type { WhoAmI } from '../../../src/api/contract.ts';
import { isStaffRole } from '../../../src/domain/roles.ts';
import { pageHref, tenantHref } from '../shared/router.ts';
import type { NavGroup } from './nav-entries.ts';
import { Palette } from './palette.tsx';
import { type ActionId, actionItems, pageItems, placeItems } from './palette-items.ts';
import { readRecent } from './recent-store.ts';
import { ShortcutHelp } from './shortcut-help.tsx';
import type { GoKey } from './shortcuts.ts';
import { ZoneDialog } from './zone-dialog.tsx';

export type Overlay = 'palette' | 'help' | 'zones';

/** The dialog of the frame that is open, if one is. */
export function Overlays(props: {
  open: Overlay | undefined;
  who: WhoAmI | undefined;
  groups: readonly NavGroup[];
  goKeys: readonly GoKey[];
  query: URLSearchParams;
  onAction: (action: ActionId) => void;
  /** Says which one closes: by then an action of the palette may have opened another. */
  onClose: (closed: Overlay) => void;
}) {
  const { open, onClose } = props;
  if (open === 'help') return <ShortcutHelp goKeys={props.goKeys} onClose={() => onClose('help')} />;
  if (open === 'zones') return <ZoneDialog onClose={() => onClose('zones')} />;
  return open === 'palette' ? <FramePalette {...props} /> : null;
}

function FramePalette(props: Omit<Parameters<typeof Overlays>[0], 'open'>) {
  const { who, groups, query } = props;
  // What there was when it opened: a list that changes under the reader's hand is worse than one that is a second old.
  const fixed = useMemo(
    () => ({
      recent: placeItems(readRecent(who?.subject ?? ''), location.pathname + location.search),
      pages: pageItems(groups, (path) => pageHref(path, query)),
      actions: actionItems(who !== undefined),
    }),
    [who, groups],
  );
  return (
    <Palette
      {...fixed}
      searchesTenants={who !== undefined && isStaffRole(who.role)}
      tenantHref={(id) => tenantHref(id, query)}
      onAction={props.onAction}
      onClose={() => props.onClose('palette')}
    />
  );
}

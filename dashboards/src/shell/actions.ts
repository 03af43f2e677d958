import { endSession } from '../shared/api-client.ts';
import { setPreference } from '../shared/preferences.ts';
import type { ActionId } from './palette-items.ts';
import { forgetPlaces } from './recent-store.ts';

/** Signed out or not, the page that loads next tells which. */
export function signOut(): void {
  forgetPlaces();
  endSession()
    .catch(() => undefined)
    .finally(() => location.assign('/'));
}

/** Puts the address into the clipboard. False where the browser forbids it, such as without HTTPS. */
async function copyAddress(): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(location.href);
    return true;
  } catch {
    return false;
  }
}

/** What only the frame can do, and how it says that something was done. */
export interface FrameHands {
  readonly openZones: () => void;
  readonly openHelp: () => void;
  readonly say: (text: string) => void;
}

/** Does what an action of the palette or a shortcut stands for. */
export async function runAction(action: ActionId, hands: FrameHands): Promise<void> {
  switch (action) {
    case 'theme-light':
      return setPreference({ theme: 'light' });
    case 'theme-dark':
      return setPreference({ theme: 'dark' });
    case 'theme-system':
      return setPreference({ theme: 'system' });
    case 'zone-local':
      return setPreference({ zone: 'local' });
    case 'zone-utc':
      return setPreference({ zone: 'UTC' });
    case 'zone':
      return hands.openZones();
    case 'help':
      return hands.openHelp();
    case 'sign-out':
      return signOut();
    case 'copy-link': {
      const copied = await copyAddress();
      return hands.say(
        copied ? 'Link copied' : 'The browser did not allow copying: take the link from its address bar',
      );
    }
  }
}

import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PageEntry, PageProps } from './page.ts';
import { Loading, Notice } from './states.tsx';

const loaded = new Map<string, FunctionComponent<PageProps>>();

/** Fetches a page's code ahead of its first use. A failure shows when the page is opened. */
export async function preloadPage(entry: PageEntry): Promise<void> {
  if (!loaded.has(entry.id)) loaded.set(entry.id, (await entry.load()) as FunctionComponent<PageProps>);
}

/** A page whose code is fetched when it is first opened. */
export function LazyPage(props: PageProps & { entry: PageEntry }) {
  const { entry, ...rest } = props;
  const [, setLoadedId] = useState('');
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let isGone = false;
    preloadPage(entry).then(
      () => !isGone && setLoadedId(entry.id),
      () => !isGone && setFailed(true),
    );
    return () => {
      isGone = true;
    };
  }, [entry]);
  const Page = loaded.get(entry.id);
  if (Page !== undefined) return <Page {...rest} />;
  return failed ? <NotLoaded /> : <Loading />;
}

/** The server was updated, and the code that the open page knows is no longer there; or the network is gone. */
function NotLoaded() {
  return (
    <Notice title="This page could not be loaded" testId="page-not-loaded" alert whole>
      <p>Tenantry may have been updated since this tab was opened, or it cannot be reached.</p>
      <p>
        <button type="button" class="button primary" onClick={() => location.reload()}>
          Load it again
        </button>
      </p>
    </Notice>
  );
}

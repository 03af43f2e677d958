import { useState } from 'preact/hooks';

const SAID_MS = 2_000;

/** Puts `text` on the clipboard and says so. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      // Browsers refuse where the page is not served from this machine or over HTTPS.
      setSaid('Select and copy it by hand');
    }
    setTimeout(() => setSaid(''), SAID_MS);
  };
  return (
    <button type="button" class="button small quiet" onClick={() => void copy()}>
      <span aria-live="polite">{said === '' ? label : said}</span>
    </button>
  );
}

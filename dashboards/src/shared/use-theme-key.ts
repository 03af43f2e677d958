import { useEffect, useState } from 'preact/hooks';
import { usePreferences } from './preferences.ts';

/** A text that changes when the colours do, be it by choice or by the system; canvases are drawn anew by it. */
export function useThemeKey(): string {
  const { theme } = usePreferences();
  const [systemDark, setSystemDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)');
    const update = () => setSystemDark(media.matches);
    media.addEventListener('change', update);
    return () => media.removeEventListener('change', update);
  }, []);
  return theme === 'system' ? (systemDark ? 'dark' : 'light') : theme;
}

import { SETTINGS, settingDefault } from '../config/config.ts';

/** Every setting with its default and meaning, for `--help`. */
export function settingsHelp(): string {
  const names = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
  const width = Math.max(...names.map((name) => name.length));
  return names
    .map((name) => {
      const fallback = settingDefault(name);
      const meaning = SETTINGS[name].description ?? '';
      return `  ${name.padEnd(width)}  ${meaning}${fallback === undefined ? '' : ` [${fallback}]`}`;
    })
    .join('\n');
}

import { render } from 'preact';
import { App } from './app.tsx';
import { startPreferences } from './shared/preferences.ts';

const root = document.getElementById('app');
if (root) {
  startPreferences();
  render(<App />, root);
}

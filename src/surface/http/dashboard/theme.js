// Light, dark, or as the system has it; remembered in this browser.

import { find } from './dom.js';
import { kept } from './kept.js';

const choice = kept('localStorage', 'plimsoll.theme');
const ORDER = ['auto', 'light', 'dark'];

const held = () => {
  const theme = choice.get();
  return ORDER.includes(theme) ? theme : 'auto';
};

function apply(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  find('theme').textContent = `Theme: ${theme}`;
}

/** Binds the button; `changed` is called whenever the colours are others. */
export function bind(changed) {
  apply(held());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  find('theme').onclick = () => {
    const theme = ORDER[(ORDER.indexOf(held()) + 1) % ORDER.length];
    choice.set(theme);
    apply(theme);
    changed();
  };
}

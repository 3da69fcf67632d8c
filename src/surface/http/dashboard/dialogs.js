// What the page asks of its reader: to confirm, or for the token.

import { token } from './api.js';
import { find } from './dom.js';

function answered(dialog) {
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true });
    dialog.returnValue = '';
    dialog.showModal();
  });
}

/** Whether the reader says yes. */
export async function confirmed(title, text, yes) {
  find('confirm-title').textContent = title;
  find('confirm-text').textContent = text;
  find('confirm-yes').textContent = yes;
  return (await answered(find('confirm'))) === 'yes';
}

/** Asks for the token and keeps it for this tab; `false` when none was given. */
export async function askForToken() {
  const field = find('token-value');
  find('token-title').textContent = token.get()
    ? 'This token is not the right one'
    : 'A token is required';
  field.value = '';
  if ((await answered(find('token'))) !== 'yes') return false;
  token.set(field.value);
  return true;
}

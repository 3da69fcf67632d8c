// The heap profile: where it is, or why there is none and what helps meanwhile.

import { h, show } from './dom.js';

export function profile(root, { surfaces }) {
  show(
    root,
    surfaces?.profile
      ? h(
          'p',
          {},
          h('a', { href: 'debug/flamegraph' }, 'Flame graph'),
          ' · ',
          h('a', { href: 'debug/pprof/heap' }, 'Heap profile for pprof'),
        )
      : h(
          'p',
          { class: 'note' },
          'This build has no heap profile: it was built without the feature ',
          h('code', {}, 'profile'),
          '. Until then the ledger says which kind of memory it is, the caches ' +
            'who holds it, and the forecast whether objects grow in number or in size.',
        ),
  );
}

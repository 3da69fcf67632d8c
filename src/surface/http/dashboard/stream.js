// Server-sent events from a response's body, and a connection that is made again and again.

import * as api from './api.js';

const LONGEST = 15_000;
// A status comes every second: silence of this length is a lost connection.
const SILENCE = 10_000;

/** One message of the stream, as `{event, id, data}`; `null` for a comment. */
export function message(block) {
  const found = { event: 'message', id: null, data: [] };
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === 'data') found.data.push(value);
    else if (field === 'event' || field === 'id') found[field] = value;
  }
  return found.data.length || found.event !== 'message'
    ? { ...found, data: found.data.join('\n') }
    : null;
}

/** Calls `each` with every message until the body ends. */
export async function read(body, each) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r\n\r\n|\n\n|\r\r/);
    rest = blocks.pop();
    blocks.map(message).filter(Boolean).forEach(each);
  }
}

/**
 * Connects, and connects again. `prepare` is awaited before each stream and gives the number of
 * the last event seen; `each` gets the messages; `tell` gets `open`, or `lost` with its error.
 */
export class Connection {
  #wake = () => {};
  #failures = 0;

  constructor({ prepare, each, tell }) {
    Object.assign(this, { prepare, each, tell });
  }

  async run() {
    for (;;) {
      const error = await this.#once().then(
        () => null,
        (failure) => failure,
      );
      this.#failures += 1;
      const pause = Math.min(500 * 2 ** this.#failures, LONGEST) * (0.8 + Math.random() * 0.2);
      if ((await this.tell('lost', { error, pause })) !== 'again') await this.#sleep(pause);
    }
  }

  /** Ends the pause: somebody does not want to wait. */
  now() {
    this.#wake();
  }

  #sleep(pause) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, pause);
    });
  }

  async #once() {
    const last = await this.prepare();
    const control = new AbortController();
    let silence = setTimeout(() => control.abort(), SILENCE);
    try {
      const response = await api.stream(last, control.signal);
      await read(response.body, (heard) => {
        clearTimeout(silence);
        silence = setTimeout(() => control.abort(), SILENCE);
        this.#hear(heard);
      });
    } finally {
      clearTimeout(silence);
      control.abort();
    }
  }

  #hear(heard) {
    if (heard.event === 'status') {
      this.#failures = 0;
      this.tell('open');
    }
    this.each(heard);
  }
}

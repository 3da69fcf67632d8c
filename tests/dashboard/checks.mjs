// What must hold of the page, each as a function that fails with words.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function waitFor(page, what, holds, argument, timeout = 60_000) {
  await page
    .waitForFunction(holds, argument, { timeout, polling: 200 })
    .catch((error) => assert.fail(`${what}: ${error.message.split('\n')[0]}`));
}

/** The figures change, and so does what is drawn, and it is more than an empty frame. */
export async function chartsMove({ page }) {
  const look = () =>
    page.evaluate(() => ({
      live: document.querySelector('#fact-live data')?.value,
      words: document.getElementById('history-span').textContent,
      charts: [...document.querySelectorAll('.chart canvas')].map((canvas) => {
        // Read from a copy: the page's own canvas is to stay as it is.
        const copy = new OffscreenCanvas(canvas.width, canvas.height);
        const context = copy.getContext('2d', { willReadFrequently: true });
        context.drawImage(canvas, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        let [coloured, hash] = [0, 0];
        for (let at = 0; at < data.length; at += 4) {
          const [r, g, b, a] = data.subarray(at, at + 4);
          hash = (hash * 31 + r + 7 * g + 49 * b + a) | 0;
          if (a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 40) coloured += 1;
        }
        return { coloured, hash };
      }),
    }));
  const before = await look();
  await waitFor(
    page,
    'live bytes change',
    (live) => document.querySelector('#fact-live data')?.value !== live,
    before.live,
  );
  await page.waitForTimeout(3000);
  const after = await look();
  assert.equal(after.charts.length, 2, 'two charts');
  after.charts.forEach(({ hash, coloured }, index) => {
    assert.notEqual(hash, before.charts[index].hash, `chart ${index} does not move`);
    assert.ok(coloured > 100, `chart ${index} draws no line`);
  });
  assert.notEqual(after.words, before.words, 'the history grows no longer');
  return `live bytes ${before.live} to ${after.live}, ${after.words}`;
}

/** Moves the first threshold, as an operator may, and how far below it usage must fall to leave it. */
async function warnAt(url, percent, leaveBelow = 7) {
  const answer = await fetch(new URL('api/v1/configure', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ warning_at: percent, leave_below: leaveBelow }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

const levelIs = (page, word) =>
  waitFor(page, `the level is ${word}`, (w) => document.getElementById('announce').textContent.startsWith(`Level ${w}`), word);

/**
 * A change of level is listed and announced, and events come without a reload. The process may be as it likes: the line is
 * moved below what it uses, after it was moved above where it is not.
 */
export async function eventsAppear({ page }, url) {
  const { level } = await (await fetch(new URL('api/v1/status', url))).json();
  if (level !== 'healthy') {
    await warnAt(url, 92, 1);
    await levelIs(page, 'healthy');
  }
  await warnAt(url, 50);
  await levelIs(page, 'caution');
  await warnAt(url, 80);
  await waitFor(page, 'a change of level is listed', () =>
    document.getElementById('events-body').textContent.includes('level changed'),
  );
  const newest = () => page.getAttribute('#events-body tbody tr', 'data-key');
  const before = await newest();
  await waitFor(
    page,
    'an event comes while the page is open',
    (key) => document.querySelector('#events-body tbody tr').dataset.key !== key,
    before,
  );
  const said = await page.textContent('#announce');
  assert.match(said, /^Level (healthy|caution|warning|critical)/);
  return `${before} then ${await newest()}; announced: ${said}`;
}

const hundredths = (text) =>
  Math.round(Number(text.replace('−', '-').replaceAll('\u202f', '')) * 100);

/** The ledger adds up, in bytes and in the figures as they are shown. */
export async function ledgerAddsUp({ page }) {
  const lines = await page.$$eval('.ledger tr[data-kind]', (rows) =>
    rows.map((row) => ({
      name: row.dataset.key,
      kind: row.dataset.kind,
      bytes: Number(row.querySelector('data').value),
      text: row.querySelector('data').textContent,
    })),
  );
  assert.ok(lines.length >= 2, 'the ledger has lines');
  let [total, shown, sums] = [0, 0, 0];
  for (const { name, kind, bytes, text } of lines) {
    if (kind === 'part') {
      total += bytes;
      shown += hundredths(text);
      continue;
    }
    sums += 1;
    assert.equal(bytes, total, `${name} in bytes`);
    assert.equal(hundredths(text), shown, `${name} as shown`);
  }
  assert.ok(sums >= 1, 'the ledger has a sum');
  assert.match(await page.textContent('#ledger-verdict'), /^✓/);
  return `${lines.length} lines, ${sums} sums, ${lines.at(-1).name} ${lines.at(-1).text} MiB`;
}

export async function noHorizontalScroll({ page }) {
  const [page_, window_] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.ok(page_ <= window_, `${page_} pixels wide in a window of ${window_}`);
  return `${page_} of ${window_} pixels`;
}

/** Tab visits every control, in the page's order, and each shows that it has the focus. */
export async function keyboardReaches({ page }) {
  await page.evaluate(() => {
    // From the start of the page, wherever something was clicked before.
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
    scrollTo(0, 0);
    const controls = 'a[href], button, select, input, summary, [tabindex="0"]';
    const visible = (element) => element.checkVisibility() && !element.disabled;
    const one = (element) => element.type !== 'radio' || element.checked;
    globalThis.expected = [...document.querySelectorAll(controls)].filter(visible).filter(one);
    globalThis.visited = [];
    globalThis.hidden = [];
  });
  const step = () =>
    page.evaluate(() => {
      const { activeElement: now } = document;
      if (now === document.body || visited[0] === now) return false;
      visited.push(now);
      const ringed = now.type === 'radio' ? now.nextElementSibling : now;
      if (getComputedStyle(ringed).outlineStyle === 'none') hidden.push(now.outerHTML.slice(0, 80));
      return true;
    });
  for (let steps = 0; steps < 400; steps += 1) {
    await page.keyboard.press('Tab');
    if (!(await step())) break;
  }
  const found = await page.evaluate(() => {
    const name = (element) => element.outerHTML.slice(0, 80);
    const before = (a, b) => a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING;
    const there = visited.filter((element) => element.isConnected);
    return {
      count: visited.length,
      hidden,
      missed: expected.filter((it) => it.isConnected && !visited.includes(it)).map(name),
      disordered: there
        .slice(1)
        .filter((it, index) => !before(there[index], it))
        .map(name),
    };
  });
  assert.deepEqual(found.missed, [], 'controls that Tab does not reach');
  assert.deepEqual(found.disordered, [], 'controls out of order');
  assert.deepEqual(found.hidden, [], 'controls that do not show the focus');
  return `${found.count} controls`;
}

export async function skipLinkWorks({ page }) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
  });
  await page.focus('.skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
}

/** The charts have words and a table for those who do not see them. */
export async function chartsHaveWords({ page }) {
  assert.match(await page.textContent('#history-words'), /Usage .*MiB.*level/s);
  await page.click('#history-data summary');
  await waitFor(
    page,
    'rows of the history',
    () => document.querySelectorAll('#history-table tbody tr').length > 1,
  );
  const rows = await page.locator('#history-table tbody tr').count();
  await page.click('#history-data summary');
  return `${rows} rows`;
}

/** axe finds nothing serious; it comes by the debugger, which the content policy does not bind. */
export async function axeIsContent({ page }) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  const grave = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  const told = grave.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .slice(0, 3)
        .map((node) => node.html.slice(0, 120))
        .join(' | ')}`,
  );
  assert.deepEqual(told, [], 'axe');
  const minor = violations.map(({ id, impact }) => `${id} (${impact})`).join(', ');
  return `${passes.length} rules passed; lesser: ${minor || 'none'}`;
}

/** Nothing was asked of another machine. */
export function staysOnTheMachine({ requests }, url) {
  const { host } = new URL(url);
  assert.deepEqual(
    requests.filter((request) => new URL(request).host !== host),
    [],
  );
  return `${requests.length} requests`;
}

export function noComplaints({ complaints }) {
  assert.deepEqual(complaints, []);
}

/** What may not be done is said, and no button offers it. */
export async function actionsAreAsAllowed({ page }, url) {
  const { surfaces } = await (await fetch(new URL('api/v1/status', url))).json();
  const offered = await page.isVisible('#plan-evict');
  assert.equal(offered, surfaces.actions);
  const text = await page.textContent('#actions-off');
  assert.equal(text.includes('PLIMSOLL_HTTP_ACTIONS=on'), !surfaces.actions);
  await page.click('#plan-ask');
  await waitFor(page, 'a plan', () => document.querySelector('#plan-body .outcome'));
  const outcome = await page.textContent('#plan-body .outcome');
  return `${surfaces.actions ? 'allowed' : 'not allowed'}; ${outcome}`;
}

export async function themeTurns({ page }) {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const seen = new Set();
  for (let turn = 0; turn < 3; turn += 1) {
    await page.click('#theme');
    seen.add(await paper());
  }
  assert.equal(seen.size, 2, 'a light and a dark paper');
}

/** What is unknown is said to be, never zero; a sum that is wrong is said to be wrong. */
export async function unknownIsSaid({ page }) {
  const shown = await page.evaluate(async () => {
    const load = (name) => import(new URL(`assets/${name}`, document.baseURI).href);
    const { facts } = await load('facts.js');
    const { ledger } = await load('ledger.js');
    const [list, lines] = [document.createElement('dl'), document.createElement('div')];
    facts(list, { snapshot: {}, forecast: null, evictions: null });
    const line = (name, bytes, kind) => ({ name, bytes, kind, remedy: '' });
    const wrong = [line('live', 5 << 20, 'part'), line('rss', 6 << 20, 'sum')];
    ledger(lines, { ledger: { lines: wrong, caches: [{ name: 'pages', reported_bytes: null }] } });
    return { facts: list.textContent, ledger: lines.textContent };
  });
  assert.doesNotMatch(shown.facts, /\d/, 'a figure made of nothing');
  assert.match(shown.facts, /RSSunknown/);
  assert.match(shown.ledger, /pages cacheunknown/);
  assert.match(shown.ledger, /× Does not add up at: rss/);
}

/** The stream is read aright, wherever its pieces are cut. */
export async function streamIsRead({ page }) {
  const heard = await page.evaluate(async () => {
    const { read } = await import(new URL('assets/stream.js', document.baseURI).href);
    const text =
      ': alive\n\nevent: event\nid: 7\ndata: {"a":\ndata: 1}\n\n' +
      'event: status\r\ndata: “é”\r\n\r\nevent: end\n\ndata: cut off';
    const bytes = new TextEncoder().encode(text);
    const pieces = new ReadableStream({
      start(out) {
        bytes.forEach((byte) => out.enqueue(Uint8Array.of(byte)));
        out.close();
      },
    });
    const found = [];
    await read(pieces, (message) => found.push(message));
    return found;
  });
  assert.deepEqual(heard, [
    { event: 'event', id: '7', data: '{"a":\n1}' },
    { event: 'status', id: null, data: '“é”' },
    { event: 'end', id: null, data: '' },
  ]);
}

/** Points and events are bounded, and what matters outlives the thinning. */
export async function memoryIsBounded({ page }) {
  const kept = await page.evaluate(async () => {
    const at = (name) => new URL(`assets/${name}`, document.baseURI).href;
    const { Series } = await import(at('series.js'));
    const { Log } = await import(at('log.js'));
    const [series, log] = [new Series(), new Log()];
    log.begin('1-1');
    for (let n = 1; n <= 50_000; n += 1) {
      series.addSnapshot({ timestamp: n, live_bytes: n }, n === 20_001 ? 'critical' : 'healthy');
      if (n === 30_000) series.restart(n);
      log.add({ sequence: n, timestamp: n });
    }
    const { time, level } = series.columns;
    return {
      points: time.length,
      last: time.at(-1),
      critical: level.includes('critical'),
      gap: level.includes(null),
      rises: time.every((now, index) => !index || now > time[index - 1]),
      events: log.entries.length,
      newest: log.entries[0].sequence,
    };
  });
  const { points, events, ...rest } = kept;
  assert.ok(points <= 6000 && points > 1000, `${points} points`);
  assert.ok(events <= 1000, `${events} events`);
  assert.deepEqual(rest, { last: 50_000, critical: true, gap: true, rises: true, newest: 50_000 });
  return `${points} points and ${events} events of 50000 each`;
}

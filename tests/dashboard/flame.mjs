// A flame graph in a real browser: `node flame.mjs FLAME.svg DIRECTORY`. It is well formed, shows what each function holds,
// and is readable light and dark; pictures go to the directory.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PATIENCE, start } from './browser.mjs';

const [file, directory] = process.argv.slice(2);
const svg = await readFile(file, 'utf8');
const browser = await start();
try {
  for (const colorScheme of ['light', 'dark']) {
    const page = await browser.newPage({ viewport: { width: 1240, height: 700 }, colorScheme });
    page.setDefaultTimeout(PATIENCE);
    const complaints = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('request', (request) => {
      if (!request.url().startsWith('data:')) complaints.push(request.url());
    });
    await page.goto(`data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`);
    assert.equal(await page.locator('parsererror').count(), 0);
    const titles = await page.locator('title').allTextContents();
    assert.match(titles[0], /^all: [\d.]+ [KMG]iB, 100\.0 %$/);
    assert.ok(titles.some((title) => title.startsWith('heap_profile::load_pages: ')), titles);
    // What is called lies within its caller, and labels within their rectangles.
    const boxes = await page.$$eval('g.f', (groups) =>
      groups.map((group) => {
        const [rect, text] = ['rect', 'text'].map((tag) => group.querySelector(tag));
        const { left, right } = rect.getBoundingClientRect();
        return { left, right, label: text?.getBoundingClientRect().right ?? left };
      }),
    );
    for (const { right, label } of boxes) assert.ok(label <= right + 4, `${label} > ${right}`);
    assert.deepEqual(complaints, []);
    // A document that is all SVG has no page to be photographed.
    await page.goto('about:blank');
    await page.setContent(`<body style="margin:0">${svg}</body>`);
    await page.screenshot({ path: join(directory, `flame-${colorScheme}.png`) });
    await page.close();
    console.log(`ok    flame graph, ${colorScheme}: ${boxes.length} functions`);
  }
} finally {
  await browser.close();
}

// The page of an autopsy in a real browser: at two widths, in light and dark, without script and without network.
// Screenshots go to the folder given.
import assert from 'node:assert';
import { pathToFileURL } from 'node:url';
import { PATIENCE, start } from './browser.mjs';

const [, , page, shots] = process.argv;
const browser = await start();
try {
  for (const [width, height] of [[1280, 900], [390, 844]]) {
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, javaScriptEnabled: false });
      context.setDefaultTimeout(PATIENCE);
      const tab = await context.newPage();
      const asked = [];
      tab.on('request', (request) => asked.push(request.url()));
      const url = pathToFileURL(page).href;
      await tab.goto(url);
      assert.deepEqual(asked, [url], 'it asks somebody');
      assert.match(await tab.textContent('h1'), /^Killed/);
      const main = await tab.locator('main').boundingBox();
      assert.ok(main.width <= width, `${width}: it is wider than the window`);
      for (const chart of await tab.locator('figure svg').all()) {
        const box = await chart.boundingBox();
        assert.ok(box.width > width / 3 && box.height > 100 && box.x + box.width <= width, 'a chart has no room');
      }
      assert.equal(await tab.locator('figure svg').count(), 2);
      assert.ok((await tab.locator('.flag').count()) > 2, 'nothing is marked');
      // Places in the program open without script.
      await tab.locator('summary').first().click();
      assert.ok(await tab.locator('details ol').first().isVisible());
      const [ink, paper] = await Promise.all(['color', 'backgroundColor'].map((name) => shade(tab, name)));
      assert.ok(colorScheme === 'dark' ? ink > paper + 100 : paper > ink + 100, `${colorScheme}: ${ink} on ${paper}`);
      await tab.screenshot({ path: `${shots}/autopsy-${width}-${colorScheme}.png`, fullPage: true });
      await context.close();
    }
  }
  console.log('autopsy: the page is as it must be');
} finally {
  await browser.close();
}

// How light a colour of the page is, from 0 to 255: by its first channel. Without script it takes the style as it is computed.
async function shade(tab, name) {
  const session = await tab.context().newCDPSession(tab);
  const { root } = await session.send('DOM.getDocument');
  const { nodeId } = await session.send('DOM.querySelector', { nodeId: root.nodeId, selector: 'body' });
  await session.send('CSS.enable');
  const { computedStyle } = await session.send('CSS.getComputedStyleForNode', { nodeId });
  const wanted = name === 'color' ? 'color' : 'background-color';
  const { value } = computedStyle.find((style) => style.name === wanted);
  return Number(value.match(/\d+/)[0]);
}

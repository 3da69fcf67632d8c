// The dashboard of a running process in a real browser: `node dashboard.mjs URL DIRECTORY`; or
// `--restart URL DIRECTORY COMMAND...`, which starts the process itself, kills it, starts it anew.
//
// The process must allocate, use more than half of its budget, and allow actions. Screenshots go to the directory.
// CHROMIUM names another browser than /usr/bin/chromium. Exit code 0 when all holds, else 1.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { open, start } from './browser.mjs';
import * as checks from './checks.mjs';
import { survivesARestart } from './restart.mjs';

const VARIANTS = [
  { width: 1280, height: 900, scheme: 'light' },
  { width: 1280, height: 900, scheme: 'dark' },
  { width: 390, height: 844, scheme: 'light' },
  { width: 390, height: 844, scheme: 'dark' },
];

let [passed, failed] = [0, 0];

async function check(where, what, holds) {
  try {
    const said = await holds();
    passed += 1;
    console.log(`ok    ${where}: ${what}${said ? ` (${said})` : ''}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${where}: ${what}: ${error.message}`);
  }
}

// What waits for the process comes once in each width; the rest in every variant.
const EVERYWHERE = [
  ['the ledger adds up', checks.ledgerAddsUp],
  ['no horizontal scroll', checks.noHorizontalScroll],
  ['axe finds nothing serious', checks.axeIsContent],
  ['the keyboard reaches every control', checks.keyboardReaches],
  ['the charts have words and a table', checks.chartsHaveWords],
  ['actions are as allowed', checks.actionsAreAsAllowed],
];
const IN_LIGHT = [
  ['charts move', checks.chartsMove],
  ['levels and events appear', checks.eventsAppear],
  ['the skip link skips', checks.skipLinkWorks],
  ['light and dark by the button', checks.themeTurns],
  ['points and events are bounded', checks.memoryIsBounded],
  ['what is unknown is said to be', checks.unknownIsSaid],
  ['the stream is read, however it is cut', checks.streamIsRead],
];
const AT_LAST = [
  ['no request leaves the machine', checks.staysOnTheMachine],
  ['no console error, no breach of the content policy', checks.noComplaints],
];

async function shoot({ page }, directory, name) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
  });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(directory, `${name}-first.png`) });
  await page.screenshot({ path: join(directory, `${name}-whole.png`), fullPage: true });
}

async function tryVariant(browser, url, directory, variant) {
  const where = `${variant.width} ${variant.scheme}`;
  const seen = await open(browser, url, variant);
  const first = variant.scheme === 'light' ? IN_LIGHT : [];
  for (const [what, holds] of [...first, ...EVERYWHERE]) {
    await check(where, what, () => holds(seen, url));
  }
  await shoot(seen, directory, `dashboard-${variant.width}-${variant.scheme}`);
  for (const [what, holds] of AT_LAST) await check(where, what, () => holds(seen, url));
  await seen.page.context().close();
}

async function main([first, ...rest]) {
  const restart = first === '--restart';
  const [url, directory, ...command] = restart ? rest : [first, ...rest];
  if (!url || !directory || (restart && !command.length)) {
    throw new Error('node dashboard.mjs URL DIRECTORY, or --restart URL DIRECTORY COMMAND...');
  }
  await mkdir(directory, { recursive: true });
  const browser = await start();
  try {
    if (restart) {
      await check('restart', 'the page goes on with another process', () =>
        survivesARestart(browser, url, directory, command),
      );
    } else {
      for (const variant of VARIANTS) await tryVariant(browser, url, directory, variant);
    }
  } finally {
    await browser.close();
  }
}

await main(process.argv.slice(2)).catch((error) => {
  failed += 1;
  console.log(`FAIL  ${error.message}`);
});
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

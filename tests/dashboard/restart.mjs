// The watched process is killed and started again: the page says so and keeps what it had.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { open } from './browser.mjs';
import { ledgerAddsUp, staysOnTheMachine, waitFor } from './checks.mjs';

const PATIENCE = 60_000;

async function begin(url, [program, ...rest]) {
  const child = spawn(program, rest, { stdio: 'ignore' });
  for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(200)) {
    assert.equal(child.exitCode, null, `${program} ended by itself`);
    const answer = await fetch(new URL('livez', url)).catch(() => null);
    if (answer?.ok) return child;
  }
  return assert.fail(`${program} does not answer at ${url}`);
}

async function end(child) {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

const look = (page) =>
  page.evaluate(() => ({
    run: /run (\S+)/.exec(document.getElementById('footer').textContent)?.[1],
    points: Number(
      /, (\d[\d\u202f]*)/
        .exec(document.getElementById('history-span').textContent)[1]
        .replaceAll('\u202f', ''),
    ),
  }));

export async function survivesARestart(browser, url, directory, command) {
  let child = await begin(url, command);
  try {
    const seen = await open(browser, url, { width: 1280, height: 900, scheme: 'light' });
    const { page } = seen;
    await waitFor(
      page,
      'points',
      () => !document.getElementById('history-span').textContent.endsWith(' 1 point'),
    );
    await pause(5000);
    const before = await look(page);
    await end(child);
    await waitFor(
      page,
      'the loss is said',
      () =>
        !document.getElementById('lost').hidden &&
        document.getElementById('lost').textContent.includes('ago'),
    );
    await page.screenshot({ path: join(directory, 'dashboard-lost.png') });
    child = await begin(url, command);
    await waitFor(
      page,
      'another run is noticed',
      (run) =>
        document.getElementById('lost').hidden &&
        !document.getElementById('footer').textContent.includes(run),
      before.run,
    );
    await pause(4000);
    const after = await look(page);
    assert.ok(
      after.points > before.points,
      `${before.points} points before, ${after.points} after`,
    );
    assert.match(await page.textContent('#history-words'), /1\s+restart/);
    // What has happened since may fill the first rows.
    const more = page.locator('#events-more');
    if (await more.isVisible()) await more.click();
    await waitFor(page, 'the restart is listed', () =>
      document.getElementById('events-body').textContent.includes('another process answers now'),
    );
    await ledgerAddsUp(seen);
    staysOnTheMachine(seen, url);
    // What could not be loaded meanwhile is no fault; all else is.
    const faults = seen.complaints.filter((text) => !/Failed to load resource|ERR_/.test(text));
    assert.deepEqual(faults, []);
    await page.screenshot({ path: join(directory, 'dashboard-restarted.png') });
    await page.context().close();
    return `${before.run} then ${after.run}; ${before.points} points, then ${after.points}`;
  } finally {
    await end(child);
  }
}

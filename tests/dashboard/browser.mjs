// A browser that reaches nothing but this machine; pages that note what they ask and complain of.

import { chromium } from 'playwright-core';

const SWITCHES = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

// A machine that builds something beside it takes its time.
export const PATIENCE = 120_000;

export const start = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: SWITCHES,
    timeout: PATIENCE,
  });

/** A page with its `requests` and `complaints` beside it. */
export async function open(browser, url, { width, height, scheme }) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(PATIENCE);
  await context.addInitScript(() =>
    addEventListener('securitypolicyviolation', (violation) =>
      console.error(`content policy: ${violation.violatedDirective}`),
    ),
  );
  const page = await context.newPage();
  const seen = { page, requests: [], complaints: [] };
  page.on('request', (request) => seen.requests.push(request.url()));
  page.on('websocket', (socket) => seen.requests.push(socket.url()));
  page.on('pageerror', (error) => seen.complaints.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) seen.complaints.push(message.text());
  });
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector('.link')?.textContent === 'live');
  return seen;
}

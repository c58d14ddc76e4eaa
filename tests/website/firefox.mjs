// Use the site in Firefox as a reader would, and print what it showed. test_firefox.py asks for it.
//
//     echo '{"firefox": "/usr/bin/firefox-esr", "address": …}' | node firefox.mjs

import { text } from "node:stream/consumers";
import puppeteer from "puppeteer-core";

const { firefox, address, seconds, exercises, answers, check } = JSON.parse(
  await text(process.stdin),
);
const browser = await puppeteer.launch({ browser: "firefox", executablePath: firefox });
const wrong = [];
const shown = {};

async function open(name) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => wrong.push(`${error}`));
  page.on("console", (line) => line.type() === "error" && wrong.push(line.text()));
  page.on("request", (asked) => {
    if (asked.url().startsWith("http") && !asked.url().startsWith(address)) wrong.push(asked.url());
  });
  await page.goto(`${address}/book/${name}.html`);
  return page;
}

async function until(page, condition, ...given) {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; ) {
    if (await page.evaluate(condition, ...given)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${seconds} seconds: ${condition}`);
}

const press = (page, cell, button) =>
  page.evaluate(
    (cell, button) =>
      [...document.querySelectorAll(`[data-cell="${cell}"] button`)]
        .find((it) => it.textContent === button)
        .click(),
    cell,
    button,
  );
const says = (cell, selector, words) =>
  document.querySelector(`[data-cell="${cell}"] ${selector}`)?.textContent.includes(words);

try {
  let page = await open("01-loading");
  const cell = "01-loading-05";
  await press(page, cell, "Edit");
  const editor = `[data-cell="${cell}"] >>> .cm-content`; // in a shadow root
  const write = async (code) => {
    const field = await page.waitForSelector(editor, { timeout: 1000 * seconds });
    await field.focus();
    await page.keyboard.down("Control");
    await page.keyboard.press("a");
    await page.keyboard.up("Control");
    await page.keyboard.type(code);
    await page.keyboard.down("Control");
    await page.keyboard.press("Enter");
    await page.keyboard.up("Control");
  };
  await write("print(6 * 7)");
  await until(page, says, cell, "[role=status]", "Done.");
  shown.printed = await page.$eval(`[data-cell="${cell}"] .cell_output`, (it) => it.innerText);
  await write("while True: print('on', flush=True)");
  await until(page, says, cell, ".cell_output", "on");
  await press(page, cell, "Stop");
  await until(page, says, cell, "[role=status]", "Stopped.");
  await page.close();

  page = await open(exercises);
  const key = `answers ${new URL(page.url()).pathname}`;
  await page.evaluate((key, answers) => localStorage.setItem(key, answers), key, answers);
  await page.reload();
  await until(page, says, check, "button", "Run");
  await press(page, check, "Run");
  await until(page, says, check, "[role=status]", "Done.");
  shown.verdicts = await page.$$eval(".mmnist-verdict", (all) => all.map((it) => it.innerText));

  page = await open("playground");
  await until(page, () => document.querySelector("#clip-maker")?.dataset.ready);
  await page.evaluate(() => document.querySelector("#clip-maker .predict").click());
  await until(page, () => document.querySelector("#clip-maker .guesses").ariaBusy === "false");
  shown.predicted = await page.$eval("#clip-maker .told", (it) => it.textContent);
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...shown, wrong }));

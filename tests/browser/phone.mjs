// Phones in a shop, for the browser tests: each is a Chromium profile that reaches foyerd from an address of its own
// (to the simulated gate every 127.x.y.z is a phone) through a forwarder that is its HTTP proxy, so that whatever host
// it asks for, foyerd answers, as the shop's firewall would have it.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import http from "node:http";
import net from "node:net";
import { after } from "node:test";

const { chromium } = createRequire(process.env.FOYER_MODULES)("playwright-core");
const portal = Number(process.env.FOYER_PORTAL);

export const origin = `http://127.0.0.1:${portal}`;
export const admin = `http://127.0.0.1:${process.env.FOYER_ADMIN}`;
export const tillKey = process.env.FOYER_TILL_KEY;

// Each test file is a process of its own: its number keeps their phones apart.
const third = process.pid % 250;
let fourth = 1;
const nextAddress = () => `127.${1 + (Math.floor(process.pid / 250) % 250)}.${third}.${++fourth}`;

const started = await chromium.launch({ executablePath: process.env.FOYER_CHROMIUM, args: ["--no-sandbox"] });
const forwarders = [];
after(async () => {
  await started.close();
  for (const one of forwarders) one.close();
});

/** Listens on a free port of 127.0.0.1 and carries every connection to foyerd, coming from `address`. */
function forward(address) {
  const server = net.createServer((near) => {
    const far = net.connect({ host: "127.0.0.1", port: portal, localAddress: address });
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  forwarders.push(server);
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

/**
 * A phone of 390 × 844 points. Options: locale ("en"), script (true), dark (false), and any of Playwright's for a
 * context. The page fails its test on a script error and on a request for anything that is not foyerd's.
 */
export async function phone({ locale = "en", script = true, dark = false, address = nextAddress(), ...more } = {}) {
  const proxy = await forward(address);
  const context = await started.newContext({
    locale,
    javaScriptEnabled: script,
    colorScheme: dark ? "dark" : "light",
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
    proxy: { server: `http://127.0.0.1:${proxy}`, bypass: "<-loopback>" },
    ...more,
  });
  context.setDefaultTimeout(10000);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Refused to/.test(message.text())) faults.push(message.text());
  });
  page.on("request", (request) => {
    const host = new URL(request.url()).host;
    if (!request.isNavigationRequest() && host !== `127.0.0.1:${portal}`) faults.push(`asked ${request.url()}`);
  });
  return { page, context, address, faults, ask: (path, data) => ask(address, path, data), close: () => context.close() };
}

/** The operator's desk: a page of the admin side. Script errors go to `faults`. */
export async function desk({ locale = "en" } = {}) {
  const context = await started.newContext({ locale, viewport: { width: 1100, height: 900 } });
  context.setDefaultTimeout(10000);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await page.goto(admin);
  return { page, faults, close: () => context.close() };
}

/** What an app on that phone would ask: GET, or POST of `data` as JSON; the answer's JSON. */
function ask(address, path, data) {
  return new Promise((resolve, reject) => {
    const body = data === undefined ? undefined : JSON.stringify(data);
    const headers = body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const request = http.request(
      { host: "127.0.0.1", port: portal, localAddress: address, path, method: body === undefined ? "GET" : "POST", headers },
      async (answer) => {
        try {
          let text = "";
          for await (const piece of answer) text += piece;
          resolve(JSON.parse(text));
        } catch (error) {
          reject(error);
        }
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** foyerctl's answer, parsed. */
export const ctl = (...words) =>
  JSON.parse(execFileSync(`${process.env.FOYER_BIN}/foyerctl`, ["--socket", `${process.env.FOYER_DIR}/control.sock`, "--json", ...words]));

/** The path of a fresh link, "/q/…". */
export const mint = (kind = "screen", zone = "entrance") => new URL(ctl("token", "mint", "--kind", kind, "--zone", zone).url).pathname;

/** Looks the page over as a person would who cannot see well, has large fingers or pays for every byte. */
export async function inspect(page) {
  return page.evaluate(() => {
    const faults = [];
    const name = (one) => `${one.tagName.toLowerCase()}${one.id ? "#" + one.id : ""} "${(one.textContent || "").trim().slice(0, 30)}"`;
    const shown = (one) => one.getClientRects().length > 0 && getComputedStyle(one).visibility !== "hidden";
    if (!document.documentElement.lang) faults.push("the page names no language");
    if (!document.title) faults.push("the page has no title");
    if (document.querySelectorAll("h1").length !== 1) faults.push("the page has not exactly one h1");
    if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than the screen: ${document.documentElement.scrollWidth}`);
    for (const one of document.querySelectorAll("button, a.button, summary, input, select, nav a, footer a"))
      if (shown(one)) {
        const target = one.type === "checkbox" && one.closest("label") ? one.closest("label") : one;
        const box = target.getBoundingClientRect();
        if (box.height < 44 || box.width < 44) faults.push(`too small to touch: ${name(one)} ${Math.round(box.width)}x${Math.round(box.height)}`);
      }
    for (const one of document.querySelectorAll("input, select, textarea"))
      if (shown(one) && !one.labels.length && !one.getAttribute("aria-label")) faults.push(`without a label: ${name(one)}`);
    for (const one of document.querySelectorAll("img, svg[role=img]"))
      if (!one.getAttribute("alt") && !one.getAttribute("aria-label") && one.getAttribute("alt") !== "") faults.push(`without a text: ${name(one)}`);
    return faults;
  });
}

// The way in, as a guest walks it: the probe, the page, the code, the terms, and what comes after. Without and with
// script, in both languages.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ctl, inspect, mint, origin, phone } from "./phone.mjs";

const words = {
  en: { lang: "en", heading: "Free Wi-Fi for our guests", join: "Go online", online: "You are online", consent: "I accept the terms of use." },
  "zh-CN": { lang: "zh-CN", heading: "欢迎使用顾客 Wi-Fi", join: "立即上网", online: "已成功联网", consent: "我同意使用条款。" },
};

for (const [locale, text] of Object.entries(words))
  for (const script of [false, true])
    describe(`${locale}, ${script ? "with" : "without"} script`, () => {
      it("a phone that asks for any page is led to ours, types the code and is online", async () => {
        const guest = await phone({ locale, script });
        await guest.page.goto("http://captive.apple.com/hotspot-detect.html");
        assert.equal(new URL(guest.page.url()).pathname, "/");
        assert.equal(await guest.page.getAttribute("html", "lang"), text.lang);
        assert.equal(await guest.page.textContent("h1"), text.heading);
        if (script) assert.deepEqual(await inspect(guest.page), []);
        await guest.page.fill("#code", mint().slice("/q/".length));
        await guest.page.getByLabel(text.consent).check();
        await guest.page.getByRole("button", { name: text.join, exact: true }).tap();
        await guest.page.waitForURL("**/welcome");
        assert.equal(await guest.page.textContent("h1"), text.online);
        if (script) assert.deepEqual(await inspect(guest.page), []);
        const client = ctl("clients").find((one) => one.ip === guest.address);
        assert.equal(client.way, "code");
        assert.deepEqual(guest.faults, []);
        await guest.close();
      });

      it("a scanned link asks once, with the terms, and lets in", async () => {
        const guest = await phone({ locale, script });
        await guest.page.goto(origin + mint());
        if (script) assert.deepEqual(await inspect(guest.page), []);
        assert.equal(ctl("clients").filter((one) => one.ip === guest.address).length, 0, "looking changes nothing");
        await guest.page.getByLabel(text.consent).check();
        await guest.page.getByRole("button", { name: text.join, exact: true }).tap();
        await guest.page.waitForURL("**/welcome");
        assert.equal(ctl("clients").find((one) => one.ip === guest.address).way, "link");
        assert.deepEqual(guest.faults, []);
        await guest.close();
      });
    });

describe("the page", () => {
  it("says what was wrong with a code and lets the guest try again", async () => {
    const guest = await phone({ script: false });
    await guest.page.goto(origin);
    await guest.page.fill("#code", "nonsense");
    await guest.page.getByLabel(words.en.consent).check();
    await guest.page.getByRole("button", { name: "Go online", exact: true }).tap();
    await guest.page.getByRole("heading", { name: "This code is not valid here" }).waitFor();
    await guest.page.getByRole("link", { name: "Back to start" }).tap();
    await guest.page.getByRole("heading", { name: words.en.heading }).waitFor();
    await guest.close();
  });

  it("changes its language by a touch and keeps it", async () => {
    const guest = await phone({ locale: "zh-CN", script: false });
    await guest.page.goto(origin);
    await guest.page.getByRole("link", { name: "English" }).tap();
    await guest.page.getByRole("heading", { name: words.en.heading }).waitFor();
    await guest.page.getByRole("link", { name: "Privacy" }).tap();
    await guest.page.waitForURL("**/privacy**");
    assert.equal(await guest.page.getAttribute("html", "lang"), "en");
    await guest.close();
  });

  it("is dark where the phone is", async () => {
    const guest = await phone({ dark: true });
    await guest.page.goto(origin);
    const paper = await guest.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.ok(paper.match(/\d+/g).every((part) => Number(part) < 64), paper);
    await guest.close();
  });

  it("for a display in the shop fits the display", async () => {
    for (const viewport of [{ width: 1280, height: 720 }, { width: 1920, height: 1080 }, { width: 768, height: 1024 }]) {
      const display = await phone({ viewport, isMobile: false, hasTouch: false });
      await display.page.goto(`${origin}/screen/entrance`);
      const low = await display.page.evaluate(() => document.querySelector(".hint").getBoundingClientRect().bottom);
      assert.ok(low <= viewport.height, `${viewport.width}x${viewport.height}: the page goes on to ${low}`);
      await display.close();
    }
  });

  it("of a refusal can be loaded again", async () => {
    const guest = await phone({ script: false });
    for (const path of ["/join", "/pair"]) {
      await guest.page.goto(origin + path);
      assert.equal(new URL(guest.page.url()).pathname, "/");
    }
    await guest.close();
  });

  it("does not move while it loads", async () => {
    const guest = await phone();
    await guest.page.addInitScript(() => {
      globalThis.moved = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((one) => (globalThis.moved += one.value))).observe({ type: "layout-shift", buffered: true });
    });
    for (const path of ["/", mint(), "/privacy"]) {
      await guest.page.goto(origin + path, { waitUntil: "load" });
      assert.equal(await guest.page.evaluate(() => globalThis.moved), 0, path);
    }
    await guest.close();
  });
});

// A laptop without a camera, and the display in the shop.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ctl, inspect, mint, origin, phone } from "./phone.mjs";

async function join(guest) {
  await guest.page.goto(origin + mint());
  await guest.page.getByLabel("I accept the terms of use.").check();
  await guest.page.getByRole("button", { name: "Go online" }).tap();
  await guest.page.waitForURL("**/welcome");
}

for (const script of [true, false])
  describe(script ? "with script" : "without script", () => {
    it("a phone that is in lets a laptop in, and the laptop goes on by itself", async () => {
      const guest = await phone();
      await join(guest);
      const laptop = await phone({ script, isMobile: false, hasTouch: false, viewport: { width: 1280, height: 800 } });
      await laptop.page.goto(origin);
      await laptop.page.getByLabel("I accept the terms of use.").check();
      await laptop.page.getByRole("button", { name: "On a laptop?" }).click();
      await laptop.page.waitForURL("**/pair/*");
      const number = await laptop.page.textContent(".code");
      await guest.page.goto(laptop.page.url());
      assert.equal(await guest.page.textContent(".code"), number);
      assert.deepEqual(await inspect(guest.page), []);
      await guest.page.getByRole("button", { name: "Let it in" }).tap();
      await guest.page.getByRole("heading", { name: "It is online now" }).waitFor();
      await laptop.page.waitForURL("**/welcome", { timeout: 15000 });
      assert.equal(ctl("clients").find((one) => one.ip === laptop.address).way, "pair");
      assert.deepEqual([...guest.faults, ...laptop.faults], []);
      await guest.close();
      await laptop.close();
    });
  });

describe("the display", () => {
  it("shows the code to scan and the code to type, and changes both without a flash", async () => {
    const display = await phone({ isMobile: false, hasTouch: false, viewport: { width: 1080, height: 1920 } });
    await display.page.goto(origin + "/screen/entrance");
    const first = await display.page.textContent(".code");
    assert.match(first, /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    await display.page.evaluate(() => (globalThis.same = true));
    await display.page.waitForFunction((old) => document.querySelector(".code").textContent !== old, first, { timeout: 45000 });
    assert.equal(await display.page.evaluate(() => globalThis.same), true, "the page was not loaded again");
    const guest = await phone();
    await guest.page.goto(origin);
    await guest.page.fill("#code", (await display.page.textContent(".code")).toLowerCase());
    await guest.page.getByLabel("I accept the terms of use.").check();
    await guest.page.getByRole("button", { name: "Go online", exact: true }).tap();
    await guest.page.waitForURL("**/welcome");
    assert.deepEqual([...display.faults, ...guest.faults], []);
    await display.close();
    await guest.close();
  });
});

describe("another address", () => {
  it("goes on where the phone left off, by its cookie", async () => {
    const guest = await phone();
    await join(guest);
    const cookies = await guest.context.cookies(origin);
    const cookie = cookies.find((one) => one.name === "foyer");
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, "Lax");
    assert.equal(await guest.page.evaluate(() => document.cookie), "", "no script reads it");
    const moved = await phone();
    await moved.context.addCookies([cookie]);
    await moved.page.goto("http://connectivitycheck.gstatic.com/generate_204");
    await moved.page.getByRole("link", { name: "Continue" }).tap();
    await moved.page.waitForURL("**/welcome");
    assert.equal(ctl("clients").filter((one) => one.ip === guest.address).length, 0);
    assert.equal(ctl("clients").find((one) => one.ip === moved.address).way, "pass");
    await guest.close();
    await moved.close();
  });
});

// The operator's live page: who is in, what happens as it happens, and a campaign paused and resumed with a button.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ctl, desk, inspect, mint, origin, phone } from "./phone.mjs";

const words = {
  en: { pause: "Pause", resume: "Resume", paused: "paused", happens: "What happens" },
  "zh-CN": { pause: "暂停", resume: "恢复", paused: "已暂停", happens: "实时动态" },
};

for (const [locale, text] of Object.entries(words))
  describe(locale, () => {
    it("a guest who comes in is told at once", async () => {
      const { page, faults, close } = await desk({ locale });
      await page.getByRole("heading", { name: text.happens }).waitFor();
      await page.locator("#campaigns tr").first().waitFor();
      const guest = await phone({ script: false });
      await guest.page.goto(origin + mint());
      await guest.page.getByLabel("I accept the terms of use.").check();
      await guest.page.getByRole("button", { name: "Go online" }).tap();
      await page.locator("#events li", { hasText: "wifi.admitted" }).first().waitFor();
      await page.waitForFunction((least) => Number(document.getElementById("guests").textContent) >= least, 1);
      assert.deepEqual(await inspect(page), []);
      assert.deepEqual(faults, []);
      await guest.close();
      await close();
    });

    it("a campaign is paused and resumed with its button", async () => {
      const { page, faults, close } = await desk({ locale });
      const row = page.locator("#campaigns tr").first();
      const id = await row.locator("small").textContent();
      await row.getByRole("button", { name: text.pause }).click();
      await row.getByText(text.paused).waitFor();
      assert.equal(ctl("campaign", "list").find((one) => one.campaign === id).state, "paused");
      await row.getByRole("button", { name: text.resume }).click();
      await row.getByRole("button", { name: text.pause }).waitFor();
      assert.equal(ctl("campaign", "list").find((one) => one.campaign === id).state, "running");
      assert.deepEqual(faults, []);
      await close();
    });
  });

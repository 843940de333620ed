// A guest wins, shows the code, and the till's own page takes it: a PIN, a code, two taps. Without and with script, in
// both languages; then the guest asks to be forgotten.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ctl, inspect, mint, origin, phone } from "./phone.mjs";

const words = {
  en: { consent: "I accept the terms of use.", online: "Go online", login: "Log in", check: "Check", redeem: "Redeem", done: "Redeemed", used: "Already used.", erase: "Erase my data", erased: "Your data was erased." },
  "zh-CN": { consent: "我同意使用条款。", online: "立即上网", login: "登录", check: "查询", redeem: "核销", done: "核销成功", used: "已使用。", erase: "删除我的数据", erased: "您的数据已删除。" },
};

async function admitted(options, text) {
  const guest = await phone(options);
  await guest.page.goto(origin + mint());
  await guest.page.getByLabel(text.consent).check();
  await guest.page.getByRole("button", { name: text.online }).tap();
  await guest.page.waitForURL("**/welcome");
  return guest;
}

/** Draws until something is won; the page of the coupon is open then. */
async function winner(guest) {
  for (let i = 0; i < 6; i++) {
    const { nonce } = await guest.ask("/v1/draws/open", {});
    const answer = await guest.ask("/v1/draws", { nonce, mode: "tap" });
    if (answer.coupon) return answer.coupon;
    await new Promise((resolve) => setTimeout(resolve, 1050)); // the campaign's interval is a second
  }
  throw new Error("six draws and nothing won");
}

for (const [locale, text] of Object.entries(words))
  for (const script of [false, true])
    describe(`${locale}, ${script ? "with" : "without"} script`, () => {
      it("the staff's page takes a coupon once, in two taps", async () => {
        const guest = await admitted({ locale, script }, text);
        const coupon = await winner(guest);
        await guest.page.goto(origin + coupon.url);
        assert.equal((await guest.page.textContent(".code")).replaceAll(" ", ""), coupon.code);
        if (script) assert.deepEqual(await inspect(guest.page), []);

        const name = `mei-${locale}-${script}`;
        const { pin } = ctl("staff", "add", name);
        const till = await phone({ locale, script });
        await till.page.goto(`${origin}/staff`);
        if (script) assert.deepEqual(await inspect(till.page), []);
        await till.page.fill("#name", name);
        await till.page.fill("#pin", pin);
        await till.page.getByRole("button", { name: text.login }).tap();
        await till.page.fill("#code", coupon.code);
        if (script) assert.deepEqual(await inspect(till.page), []);
        await till.page.getByRole("button", { name: text.check }).tap();
        await till.page.locator("#redeem").tap();
        await till.page.getByText(text.done).waitFor();
        await till.page.fill("#code", coupon.code);
        await till.page.getByRole("button", { name: text.check }).tap();
        await till.page.getByText(text.used).waitFor();
        assert.deepEqual(till.faults, []);
        const shown = ctl("coupon", "show", coupon.id);
        assert.equal(shown.state, "redeemed");
        await till.close();
        await guest.close();
      });

      it("a guest who asks to be forgotten is out and has nothing left", async () => {
        const guest = await admitted({ locale, script }, text);
        await winner(guest);
        await guest.page.goto(`${origin}/privacy`);
        if (script) assert.deepEqual(await inspect(guest.page), []);
        await guest.page.getByRole("button", { name: text.erase }).tap();
        await guest.page.getByText(text.erased).waitFor();
        assert.equal(ctl("clients").filter((one) => one.ip === guest.address).length, 0);
        const left = await guest.ask("/v1/coupons");
        assert.deepEqual(left, []);
        assert.deepEqual(guest.faults, []);
        await guest.close();
      });
    });

describe("the till's page", () => {
  it("does not open to a wrong PIN, and waits after five", async () => {
    ctl("staff", "add", "li");
    const till = await phone({ script: false });
    for (let i = 0; i < 4; i++) {
      await till.page.goto(`${origin}/staff`);
      await till.page.fill("#name", "li");
      await till.page.fill("#pin", "0000");
      await till.page.getByRole("button", { name: "Log in" }).tap();
      await till.page.getByText("Name or PIN is wrong.").waitFor();
    }
    const row = ctl("staff", "list").find((one) => one.name === "li");
    assert.equal(row.failures, 4);
    await till.close();
  });
});

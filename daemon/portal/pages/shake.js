// The page works without this file: the form posts and the answer is a page. With it the draw happens in place, and a
// shake of the phone presses the button where the browser lets a page feel motion (a secure context, and consent).
const form = document.getElementById("shake");
const go = document.getElementById("go");
const said = document.getElementById("said");
const text = form.dataset;
const STRONG = 13; // m/s², gravity included, as in square/seismic: three quarters of half a second above it
const WINDOW_MS = 500;
const PAUSE_MS = 1000;
let busy = false;
let quietUntil = 0;
let samples = [];

const say = (message) => {
  said.textContent = message;
  said.hidden = false;
};

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body) });

async function draw(mode) {
  const opened = await post("/v1/draws/open", {});
  // The form tells why not, in the guest's language.
  if (!opened.ok) return form.submit();
  const { nonce } = await opened.json();
  let answer;
  // The same nonce gets the same answer, so a lost reply may be asked for again.
  for (let attempt = 0; attempt < 3 && !answer; attempt++) {
    try {
      const response = await post("/v1/draws", { nonce, mode });
      if (response.ok) answer = await response.json();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  if (!answer) return say(text.error);
  if (answer.coupon) return location.assign(answer.coupon.url + text.lang);
  const prize = answer.prize;
  say([text[answer.result], prize && prize.title, prize && prize.amount && `${prize.amount} ${prize.currency}`].filter(Boolean).join(" · "));
  go.textContent = text.again;
}

async function press(mode) {
  if (busy) return;
  busy = true;
  go.disabled = true;
  go.classList.add("shaking");
  try {
    await draw(mode);
  } catch {
    say(text.error);
  }
  go.classList.remove("shaking");
  go.disabled = false;
  busy = false;
  quietUntil = performance.now() + PAUSE_MS;
  samples = [];
}

function feel(event) {
  const a = event.accelerationIncludingGravity;
  const now = performance.now();
  if (!a || document.hidden || busy || now < quietUntil) return;
  samples.push({ at: now, strong: Math.hypot(a.x || 0, a.y || 0, a.z || 0) > STRONG });
  while (samples.length && now - samples[0].at > WINDOW_MS) samples.shift();
  const long = samples.length >= 4 && now - samples[0].at >= WINDOW_MS / 2;
  if (long && samples.filter((one) => one.strong).length >= samples.length * 0.75) press("shake");
}

let listening = false;
async function listen() {
  if (listening || !window.isSecureContext || typeof DeviceMotionEvent === "undefined") return;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const ask = DeviceMotionEvent.requestPermission;
  if (ask && (await ask.call(DeviceMotionEvent).catch(() => "denied")) !== "granted") return;
  listening = true;
  addEventListener("devicemotion", feel);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  listen(); // permission may only be asked for in a gesture
  press("tap");
});
if (typeof DeviceMotionEvent !== "undefined" && !DeviceMotionEvent.requestPermission) listen();

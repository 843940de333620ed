// Exchanges the code in place when its time is up, so that a display does not flash. Without script the page reloads.
const box = document.getElementById("code");

async function exchange() {
  let wait = 2;
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    if (response.ok) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.getElementById("code");
      if (fresh) {
        box.replaceChildren(...fresh.childNodes);
        wait = Number(fresh.dataset.refresh) || wait;
      }
    }
  } catch {
    // The gateway is restarting: the old code stays and we try again.
  }
  setTimeout(exchange, wait * 1000);
}

setTimeout(exchange, (Number(box.dataset.refresh) || 2) * 1000);

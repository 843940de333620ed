// Looks every two seconds whether the phone has vouched, and goes on by a full navigation. Without script the page
// reloads itself.
async function look() {
  try {
    const response = await fetch(location.href, { cache: "no-store", headers: { Accept: "application/json" } });
    if (response.status === 410) return location.reload();
    if (response.ok && (await response.json()).state === "confirmed") return location.assign("/welcome" + location.search);
  } catch {
    // The gateway is restarting: we ask again.
  }
  setTimeout(look, 2000);
}
setTimeout(look, 2000);

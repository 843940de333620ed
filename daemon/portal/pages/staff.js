// The page works without this file: a code is typed, or a scanner types it. With it the camera reads codes where the
// browser can (BarcodeDetector, a secure context).
const button = document.getElementById("camera");
const view = document.getElementById("view");
const said = document.getElementById("said");
const PAUSE_MS = 150;

const say = (message) => {
  said.textContent = message;
  said.hidden = false;
};

async function detector() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return null;
  const able = await BarcodeDetector.getSupportedFormats();
  const formats = ["qr_code", "code_128"].filter((format) => able.includes(format));
  return formats.length ? new BarcodeDetector({ formats }) : null;
}

async function scan(reader) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    return say(button.dataset.none);
  }
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  addEventListener("pagehide", stop, { once: true });
  button.hidden = true;
  view.srcObject = stream;
  view.hidden = false;
  await view.play();
  while (stream.active) {
    const [found] = await reader.detect(view).catch(() => []);
    if (found) {
      stop();
      document.getElementById("code").value = found.rawValue;
      return document.getElementById("look").requestSubmit();
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

if (button) {
  const reader = await detector();
  if (reader) {
    button.hidden = false;
    button.addEventListener("click", () => scan(reader));
  }
}

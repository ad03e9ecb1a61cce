// What is shown here stays fresh: the page is asked for again, and what has changed takes its place where nobody is reading with the keyboard.
import { hear } from "./events.js";

const PAUSE = 5000;
let waiting = null;

function replace(fresh) {
  for (const part of fresh.querySelectorAll("[data-fresh]")) {
    const old = document.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
    if (!old || old.contains(document.activeElement) || old.innerHTML === part.innerHTML) continue;
    old.replaceChildren(...part.childNodes);
  }
}

async function refresh() {
  waiting = null;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (answer?.redirected) location.reload();
  else if (answer?.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
}

function soon() {
  waiting ??= setTimeout(refresh, PAUSE);
}

hear({
  sighting: soon,
  notice: soon,
  state: (told) => { if (told.topic === "health") soon(); },
});

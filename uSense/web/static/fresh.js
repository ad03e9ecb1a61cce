// What is marked on a page stays fresh: the page is asked for again, and what has changed takes its place where nobody is reading with the keyboard.
const PAUSE = 5000;
let waiting = null;

function replace(fresh) {
  for (const part of fresh.querySelectorAll("[data-fresh]")) {
    const old = document.querySelector(`[data-fresh="${CSS.escape(part.dataset.fresh)}"]`);
    if (!old || old.contains(document.activeElement) || old.innerHTML === part.innerHTML) continue;
    old.replaceChildren(...part.childNodes);
  }
}

async function refresh() {
  waiting = null;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  // The address of a form that was refused leads to its page; that of the log-in means that nobody is logged in any more.
  if (answer?.redirected && new URL(answer.url).pathname === "/login") location.assign(answer.url);
  else if (answer?.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
}

// Ask for the page again after `pause` milliseconds; once for all that happens until then.
export function soon(pause = PAUSE) {
  waiting ??= setTimeout(refresh, pause);
}

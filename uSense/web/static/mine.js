// A person's own page: feeds are read anew, pictures take turns, and trusted pages are told who stands here.
const { here } = document.getElementById("content").dataset;
const camera = decodeURIComponent(here.slice("/me/".length));
const FEEDS = 300000;
const PICTURES = 12000;
const PASSES = 45000;
const SOON = 3000;

async function read(place) {
  try {
    const answer = await fetch(place.dataset.feed, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const told = new DOMParser().parseFromString(await answer.text(), "text/html");
    place.replaceChildren(...told.body.children);
    for (const time of place.querySelectorAll("time")) {
      time.textContent = new Date(time.dateTime).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" });
    }
  } catch {
    // The network is away; what was read stays, and the frame goes if it stays away.
  } finally {
    place.setAttribute("aria-busy", "false");
  }
}

function turn(picture) {
  const count = Number(picture.dataset.count);
  let number = 0;
  if (count < 2) return;
  setInterval(() => {
    number = (number + 1) % count;
    const next = new Image();
    next.src = `${picture.dataset.pictures}${number}.jpg`;
    next.decode().then(() => { picture.src = next.src; }, () => {});
  }, PICTURES);
}

async function hand(frame) {
  const origin = frame.dataset.trusted;
  try {
    const asked = new URLSearchParams({ camera, audience: origin });
    const answer = await fetch(`/api/v1/pass?${asked}`);
    if (!answer.ok) return false;
    const told = await answer.json();
    frame.contentWindow.postMessage({ type: "usense-pass", token: told.token, expires_at: told.expires_at }, origin);
    return true;
  } catch {
    // Without a pass the page shows what it shows to everybody.
    return false;
  }
}

function tell(frame) {
  let timer = 0;
  const again = async () => {
    const given = await hand(frame);
    clearTimeout(timer);
    timer = setTimeout(again, given ? PASSES : SOON);
  };
  frame.addEventListener("load", again);
  // Not before: what is loaded already is not heard of any more.
  frame.src = frame.dataset.src;
}

for (const place of document.querySelectorAll("[data-feed]")) {
  read(place);
  setInterval(() => read(place), FEEDS);
}
for (const picture of document.querySelectorAll("[data-pictures]")) turn(picture);
for (const frame of document.querySelectorAll("[data-trusted]")) tell(frame);

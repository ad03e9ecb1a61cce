// A kiosk: whoever stands at the camera sees their own page in a frame, which is taken away as a whole when they leave.
const content = document.getElementById("content");
const stage = document.getElementById("stage");
const neutral = document.getElementById("neutral");
const lost = document.getElementById("lost");
const { here, version, title } = content.dataset;
const SILENCE = 6000;
const AGAIN = 5000;

let source = null;
let turn = 0;
let heard = performance.now();

function hide() {
  turn = 0;
  // Emptied first: whatever plays or loads in there ends at once.
  for (const frame of stage.querySelectorAll("iframe")) frame.remove();
  stage.replaceChildren();
  neutral.hidden = false;
}

function show(now) {
  if (now === turn) return;
  hide();
  turn = now;
  const frame = document.createElement("iframe");
  frame.title = title;
  frame.allow = "autoplay";
  frame.hidden = true;
  frame.addEventListener("load", () => {
    if (!frame.isConnected) return;
    // What cannot be had now is tried again when the next word comes; until then there is the clock.
    if (!frame.contentDocument?.getElementById("content")) { hide(); return; }
    frame.hidden = false;
    neutral.hidden = true;
  });
  frame.src = `${here}/mine`;
  stage.append(frame);
}

function told(event) {
  const news = JSON.parse(event.data);
  heard = performance.now();
  lost.hidden = true;
  if (news.version !== version) { location.reload(); return; }
  if (news.personal) show(news.turn);
  else hide();
}

function listen() {
  source?.close();
  source = new EventSource(`${here}/events`);
  source.addEventListener("who", told);
  source.addEventListener("error", () => {
    // Who stands there now is not known any more.
    hide();
    lost.hidden = false;
    // Told to go away: the page itself says why, if it is to be logged in again.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), AGAIN);
  });
}

function watch() {
  if (performance.now() - heard < SILENCE) return;
  heard = performance.now();
  hide();
  lost.hidden = false;
  listen();
}

function put(id, text) {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
}

function tell() {
  const now = new Date();
  const hour = now.getHours();
  const part = hour < 5 || hour >= 22 ? "night" : hour < 11 ? "morning" : hour < 18 ? "day" : "evening";
  put("word", document.getElementById("word").dataset[part]);
  const parts = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" }).formatToParts(now);
  const period = parts.find((one) => one.type === "dayPeriod")?.value ?? "";
  put("clock", parts.filter((one) => one.type !== "dayPeriod").map((one) => one.value).join("").trim());
  put("period", period);
  put("date", now.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" }));
}

addEventListener("pagehide", hide);
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
tell();
setInterval(tell, 1000);
setInterval(watch, 1000);
listen();

// The live view: a WebSocket a camera while the page is looked at, and the list of sightings by server-sent events.
import { hear } from "./events.js";

const texts = document.getElementById("texts").dataset;
const MOST = 30;

class Camera {
  constructor(figure) {
    this.name = figure.dataset.camera;
    this.image = figure.querySelector("img");
    this.boxes = figure.querySelector(".boxes");
    this.problem = figure.querySelector(".problem");
    this.who = figure.querySelector(".who");
    this.url = "";
    this.faces = [];
    this.names = "";
  }

  open() {
    if (this.socket) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/live/${encodeURIComponent(this.name)}`);
    socket.binaryType = "blob";
    socket.onmessage = (message) => this.told(message.data);
    socket.onclose = (end) => this.closed(socket, end);
    this.socket = socket;
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  // One that was closed on purpose says so late: when the next is open already.
  closed(socket, end) {
    if (socket !== this.socket) return;
    this.socket = null;
    if (end.code === 4401) { location.assign("/login"); return; }
    this.fail(texts.lost);
    setTimeout(() => { if (!document.hidden) this.open(); }, 3000);
  }

  told(data) {
    if (data instanceof Blob) { this.show(data); return; }
    const told = JSON.parse(data);
    if (told.problem) this.fail(told.problem);
    else this.faces = told.faces;
  }

  fail(reason) {
    this.problem.textContent = reason;
    this.problem.hidden = false;
    this.image.hidden = true;
    this.boxes.replaceChildren();
    this.name_all([]);
  }

  show(jpeg) {
    const old = this.url;
    this.url = URL.createObjectURL(jpeg);
    this.image.src = this.url;
    this.image.hidden = false;
    this.problem.hidden = true;
    if (old) URL.revokeObjectURL(old);
    this.boxes.replaceChildren(...this.faces.map(box));
    this.name_all(this.faces);
  }

  name_all(faces) {
    // Read out by screen readers: only another name is news, another number is not.
    const names = faces.map(name).join(", ");
    if (this.names === names) return;
    this.names = names;
    this.who.textContent = faces.map(label).join(", ");
  }
}

function label(face) {
  return face.percent === null ? name(face) : `${name(face)} ${face.percent}\u00a0%`;
}

function name(face) {
  if (face.name) return face.name;
  return face.state === "unknown" ? texts.unknown : texts.undecided;
}

function box(face) {
  const [x0, y0, x1, y1] = face.box;
  const frame = document.createElement("div");
  frame.className = `box ${face.state}`;
  frame.style.setProperty("left", `${100 * x0}%`);
  frame.style.setProperty("top", `${100 * y0}%`);
  frame.style.setProperty("width", `${100 * (x1 - x0)}%`);
  frame.style.setProperty("height", `${100 * (y1 - y0)}%`);
  const text = document.createElement("span");
  text.textContent = label(face);
  frame.append(text);
  return frame;
}

async function add(sighting) {
  const answer = await fetch(`/sightings/${encodeURIComponent(sighting.event_id)}/row`, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const list = document.querySelector(".sightings");
  const row = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("li");
  if (!row || list.querySelector(`[data-event="${CSS.escape(sighting.event_id)}"]`)) return;
  list.prepend(row);
  while (list.children.length > MOST) list.lastElementChild.remove();
  document.querySelector(".empty").hidden = true;
}

const cameras = [...document.querySelectorAll(".camera")].filter((one) => !one.dataset.paused).map((one) => new Camera(one));
function look() {
  for (const camera of cameras) document.hidden ? camera.close() : camera.open();
}
document.addEventListener("visibilitychange", look);
look();
hear({ sighting: add });

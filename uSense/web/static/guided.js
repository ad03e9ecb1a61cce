// Guided enrollment at a camera of uSense: what the person is told to do, as it is told, and the picture beside it.
import { ask, hear } from "./events.js";
import { link, named, texts } from "./sending.js";

const section = document.getElementById("guided-camera");
const EVERY = 1000;
let current = null;
let looking = 0;

function parts() {
  return Object.fromEntries(["start", "stop", "prompt", "booth"].map((name) => [name, section.querySelector(`.${name}`)]));
}

function look(camera) {
  const image = section.querySelector(".booth img");
  const next = () => { image.src = `/live/${encodeURIComponent(camera)}/still.jpg?at=${Date.now()}`; };
  next();
  looking = setInterval(next, EVERY);
}

function end() {
  clearInterval(looking);
  const { start, stop } = parts();
  current = null;
  start.hidden = false;
  stop.hidden = true;
}

function heard(notice) {
  if (!current || notice.enrollment_id !== current) return;
  const { prompt } = parts();
  if (notice.type === "enroll.prompt") {
    prompt.textContent = notice.text;
    section.querySelector("progress").value = notice.step / notice.steps;
  }
  if (notice.type !== "enroll.finished") return;
  prompt.textContent = `${notice.text} `;
  if (notice.state === "succeeded" && notice.person_id) {
    section.querySelector("progress").value = 1;
    prompt.append(link(`/people/${notice.person_id}`));
  }
  end();
}

async function begin() {
  if (!named()) return;
  const { start, stop, prompt, booth } = parts();
  const fields = { name: texts.person || document.getElementById("name").value, camera: document.getElementById("camera").value };
  if (document.getElementById("force").checked) fields.force = true;
  booth.hidden = false;
  prompt.textContent = "…";
  start.hidden = true;
  try {
    const begun = await ask("enroll/start", fields);
    current = begun.enrollment_id;
    stop.hidden = false;
    look(begun.camera);
  } catch (error) {
    prompt.textContent = error.message;
    end();
  }
}

if (section) {
  for (const part of section.querySelectorAll(".script")) part.hidden = false;
  hear({ notice: heard });
  section.querySelector(".start").addEventListener("click", begin);
  section.querySelector(".stop").addEventListener("click", () => ask("enroll/cancel").catch(() => end()));
}

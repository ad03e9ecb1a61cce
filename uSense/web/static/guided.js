// Guided enrollment at a camera of uSense: what the person is told to do, as it is told, and the picture beside it.
import { ask, hear } from "./events.js";
import { link, named, texts } from "./sending.js";

const section = document.getElementById("guided-camera");
const EVERY = 1000;
let current = null;
let looking = 0;
let notices = 0;

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

// From now on this page shows that enrollment.
function follow(enrollment) {
  if (current === enrollment.enrollment_id) return;
  const { start, stop, booth } = parts();
  current = enrollment.enrollment_id;
  booth.hidden = false;
  start.hidden = true;
  stop.hidden = false;
  look(enrollment.camera);
}

function heard(notice) {
  if (notice.type.startsWith("enroll.")) notices += 1;
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

// What was told while nobody heard it: before the page was there, or while the phone was locked.
async function catchUp() {
  const before = notices;
  const answer = await fetch("/people/guided", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  const { running, told } = await answer.json();
  if (notices !== before) {
    catchUp();
    return;
  }
  if (running && !current && (!texts.person || running.person_id === texts.person)) {
    document.getElementById("name").value ||= running.name;
    follow(running);
  }
  if (!current) return;
  if (told?.enrollment_id === current) heard(told);
  else if (running?.enrollment_id !== current) {
    parts().prompt.textContent = texts.over;
    end();
  }
}

async function begin() {
  if (!named()) return;
  const { start, prompt, booth } = parts();
  const fields = { name: texts.person || document.getElementById("name").value, camera: document.getElementById("camera").value };
  if (document.getElementById("force").checked) fields.force = true;
  booth.hidden = false;
  prompt.textContent = "…";
  start.hidden = true;
  try {
    follow(await ask("enroll/start", fields));
    catchUp();
  } catch (error) {
    prompt.textContent = error.message;
    end();
  }
}

if (section) {
  for (const part of section.querySelectorAll(".script")) part.hidden = false;
  hear({ notice: heard, missed: catchUp, opened: catchUp, stay: () => current });
  section.querySelector(".start").addEventListener("click", begin);
  section.querySelector(".stop").addEventListener("click", () => ask("enroll/cancel").catch(() => end()));
}

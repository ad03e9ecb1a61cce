// Pictures by the browser's own camera: one after the other until enough are good, each with a verdict.
import { fill, finish, link, named, send, texts } from "./sending.js";

const section = document.getElementById("own-camera");
const video = section.querySelector("video");
const prompt = section.querySelector(".prompt");
const start = section.querySelector(".start");
const stop = section.querySelector(".stop");
const shots = Number(start.dataset.shots);
const looks = texts.look.split("|");
const PAUSE = 1200;
const MOST = 960;
let stream = null;

const pause = () => new Promise((done) => setTimeout(done, PAUSE));

function picture() {
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, MOST / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}

function close() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  video.srcObject = null;
  video.hidden = true;
  start.hidden = false;
  stop.hidden = true;
}

async function open() {
  prompt.textContent = texts.asking;
  section.querySelector(".booth").hidden = false;
  start.hidden = true;
  stop.hidden = false;
  stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } }, audio: false });
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
}

// How many were kept, and what was wrong if it ended before there were enough.
async function shoot() {
  let kept = 0;
  try {
    while (stream && kept < shots) {
      prompt.textContent = `${kept ? fill(texts.taken, { kept, shots }) : ""} ${looks[kept % looks.length]}`;
      await pause();
      if (!stream) break;
      const verdict = await send(await picture(), "camera.jpg");
      kept += verdict.kept;
      if (!verdict.kept) {
        prompt.textContent = verdict.text || verdict.verdict;
        await pause();
      }
    }
  } catch (error) {
    return { kept, problem: error.message };
  }
  return { kept, problem: "" };
}

// What was kept counts, however it ended.
async function count(kept, problem) {
  if (!kept) {
    prompt.textContent = problem || texts.stopped;
    return;
  }
  const summary = `${problem && `${problem}. `}${fill(texts.taken, { kept, shots })}`;
  prompt.textContent = `${summary} ${texts.training}`;
  try {
    const address = await finish();
    prompt.textContent = `${summary} ${texts.trained} `;
    prompt.append(link(address));
  } catch (error) {
    prompt.textContent = `${summary} ${error.message}`;
  }
}

async function run() {
  if (!named()) return;
  try {
    await open();
  } catch (error) {
    close();
    prompt.textContent = `${texts.denied} ${error.message}`;
    return;
  }
  const { kept, problem } = await shoot();
  await count(kept, problem);
  close();
}

if (window.isSecureContext && navigator.mediaDevices) {
  section.querySelector(".script").hidden = false;
  start.addEventListener("click", run);
  stop.addEventListener("click", close);
  window.addEventListener("pagehide", close);
} else {
  section.querySelector(".insecure").hidden = false;
}

// Photos by drag and drop or file chooser, one request each, so that each has its verdict as soon as it is known.
import { fill, finish, link, named, send, texts } from "./sending.js";

const form = document.getElementById("adding");
const drop = form.querySelector(".drop");
const chooser = document.getElementById("photos");
const progress = form.querySelector(".progress");
const button = form.querySelector("button");
let busy = false;

function add(verdict) {
  const row = document.createElement("li");
  const badge = document.createElement("span");
  badge.className = `badge ${verdict.kept ? "good" : "warn"}`;
  badge.textContent = verdict.verdict;
  const why = document.createElement("span");
  why.className = "small faint";
  why.textContent = verdict.text;
  row.append(badge, ` ${verdict.source} `, why);
  form.querySelector(".verdicts").append(row);
}

function tell(done, photos) {
  progress.querySelector("progress").value = done / photos;
  progress.querySelector("p").textContent = fill(texts.sending, { done, photos });
}

async function judged(file) {
  try {
    return await send(file, file.name);
  } catch (error) {
    return { source: file.name, kept: false, verdict: texts.refused, text: error.message };
  }
}

async function take(files) {
  if (busy || !files.length || !named()) return;
  busy = button.disabled = true;
  progress.hidden = false;
  form.querySelector(".verdicts").replaceChildren();
  let kept = 0;
  for (const [done, file] of files.entries()) {
    tell(done, files.length);
    const verdict = await judged(file);
    kept += verdict.kept;
    add(verdict);
  }
  tell(files.length, files.length);
  await end(kept, files.length);
  busy = button.disabled = false;
}

async function end(kept, photos) {
  const told = progress.querySelector("p");
  const summary = fill(texts.summary, { kept, photos });
  told.textContent = kept ? `${summary} ${texts.training}` : summary;
  if (!kept) return;
  try {
    const address = await finish();
    told.textContent = `${summary} ${texts.trained} `;
    told.append(link(address));
    chooser.value = "";
  } catch (error) {
    told.textContent = `${summary} ${error.message}`;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  take([...chooser.files]);
});
drop.querySelector(".dropping").hidden = false;
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  take([...event.dataTransfer.files]);
});

// Photos to the service, one a request: who they are of, what became of each, and one training at the end.
import { ask } from "./events.js";

export const texts = document.getElementById("texts")?.dataset ?? {};
const made = {};

// The id of the person on the page, or of who was made under the name that stands there.
function person() {
  return texts.person || made[document.getElementById("name").value];
}

// The verdict of one photo; an Error in plain words if none was given.
export async function send(photo, name) {
  const form = new FormData();
  const who = document.getElementById("name").value;
  form.append("name", who);
  form.append("later", "yes");
  if (document.getElementById("force").checked) form.append("force", "yes");
  form.append("photos", photo, name);
  const headers = { Accept: "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf]").content };
  let answer;
  try {
    answer = await fetch(person() ? `/people/${person()}/add` : "/people/add", { method: "POST", headers, body: form });
  } catch {
    throw new Error(texts.broken);
  }
  const told = await answer.json();
  if (told.person_id) made[who] = told.person_id;
  const [verdict] = told.verdicts ?? [];
  if (!answer.ok && !verdict) throw new Error(told.error.message);
  return answer.ok ? verdict : { ...verdict, text: told.error.message };
}

// Whether there is a name; says so where it is missing.
export function named() {
  const name = document.getElementById("name");
  return name.reportValidity();
}

// Let what was kept count; where to look at it.
export async function finish() {
  await ask("train");
  return `/people/${person()}`;
}

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

export function link(address) {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.textContent = texts.show;
  return anchor;
}

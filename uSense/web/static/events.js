// What happens, as it happens. hear({sighting: f, notice: g, state: h}) calls each with what is told; missed() when some was lost,
// and opened() when something may have been. A page that nobody looks at hears nothing, unless stay() says that it has to.
export function hear(ears) {
  const kinds = ["sighting", "notice", "state"].filter((kind) => ears[kind]);
  let source = null;
  const open = () => {
    source = new EventSource(`/api/v1/events?kinds=${kinds.join(",")}`);
    for (const kind of kinds) source.addEventListener(kind, (event) => ears[kind](JSON.parse(event.data)));
    if (ears.missed) source.addEventListener("missed", () => ears.missed());
    if (ears.opened) source.addEventListener("open", () => ears.opened());
  };
  const follow = () => {
    if (document.hidden) {
      if (ears.stay?.()) return;
      source?.close();
      source = null;
    } else if (!source || source.readyState === EventSource.CLOSED) open();
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

// Ask the service to do something: a command of /api/v1 with its arguments; its data, or an Error in plain words.
export async function ask(command, fields = {}) {
  const answer = await fetch(`/api/v1/commands/${command}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf]").content },
    body: JSON.stringify(fields),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error.message);
  return told.data;
}

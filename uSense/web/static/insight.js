// How the service is, and what happened, as it happens.
import { hear } from "./events.js";
import { soon } from "./fresh.js";

hear({
  sighting: () => soon(),
  notice: () => soon(),
  state: (told) => { if (told.topic === "health") soon(); },
});

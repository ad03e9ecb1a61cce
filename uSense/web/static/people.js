// Where everybody is, as they come and go.
import { hear } from "./events.js";
import { soon } from "./fresh.js";

const MOMENT = 500;

hear({ notice: (told) => { if (told.type === "person.arrived" || told.type === "person.left") soon(MOMENT); } });

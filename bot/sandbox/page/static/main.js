import { listen } from "./api.js";
import * as faults from "./faults.js";
import * as glance from "./glance.js";
import * as journal from "./journal.js";
import * as slack from "./slack.js";
import * as surfaces from "./surfaces.js";
import * as tabs from "./tabs.js";
import * as theme from "./theme.js";
import * as tour from "./tour.js";

for (const part of [theme, tabs, faults, slack, surfaces, journal, glance, tour]) part.start();
listen();

// The page that says what went wrong; around it, all is as elsewhere.
// @ts-check
import { Shell } from "../shell.js";

new Shell({ title: document.querySelector("h1")?.textContent ?? "Error", view: () => ({ view: "overview" }) }).connect();

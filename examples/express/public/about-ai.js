import { byId, element } from "./dom.js";

const REAL_MODEL =
  "OPENAI_API_KEY=sk-…\nOPENAI_MODEL=gpt-5-mini\n# or any server that speaks its API:\nOPENAI_BASE_URL=http://localhost:11434/v1";

/** Says which model answers, and how to set another. */
export function showAi({ ai, demo }) {
  byId("ai").dataset.model = ai.isModel ? "yes" : "no";
  byId("ai-name").textContent = ai.isModel ? `Answered by ${ai.name}` : "Answered by offline rules";
  byId("ai-card").replaceChildren(
    element("p", {
      text: ai.isModel
        ? `The model ${ai.name} answers. To use another one, change its variables and start the server again:`
        : "No AI model is connected: fixed rules answer, and their answers say so. To let a real model answer, put this into examples/express/.env and run npm start in that folder:",
    }),
    element("pre", { text: REAL_MODEL }),
    element("p", {
      text: demo
        ? "Texts go to a Twilio emulator on this machine. Set TWILIO_… and WEBHOOK_URL to send real texts; .env.example lists all variables."
        : "Texts go to the provider that TWILIO_… and WEBHOOK_URL name; .env.example lists all variables.",
    }),
  );
}

document.addEventListener("click", (event) => {
  if (!byId("ai").contains(event.target)) byId("ai").open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") byId("ai").open = false;
});

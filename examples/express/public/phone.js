import { call } from "./api.js";
import { byId, element, keepAtEnd, sendsOnEnter, shortTime } from "./dom.js";

const thread = byId("phone-thread");
const scroll = byId("phone-scroll");
const form = byId("phone-composer");
const field = byId("phone-text");
const error = byId("phone-error");
const clear = sendsOnEnter(field);

/** The person whose phone it is, and the number of the service that it texts. */
let shown = { number: "", sender: "" };

/** Shows the phone of a person. */
export function showPhone(number, sender) {
  if (shown.number !== number) {
    error.textContent = "";
    thread.replaceChildren();
  }
  shown = { number, sender };
  byId("phone-sub").textContent = `${number || "The person's"}, at the other end of the emulated network`;
  byId("handset-head").textContent = sender;
  const usable = number !== "";
  field.disabled = !usable;
  byId("phone-send").disabled = !usable;
  byId("phone-empty").textContent = usable
    ? "No texts on this phone since the demo started."
    : "Type a number and a text: the answer arrives here.";
  return refreshPhone(number);
}

/** Reads the texts of a phone again, if the page shows this phone. */
export async function refreshPhone(number) {
  if (number !== shown.number) return;
  const { messages } = number === "" ? { messages: [] } : await call(`/phone/${encodeURIComponent(number)}/messages`);
  if (number !== shown.number) return;
  byId("phone-empty").hidden = messages.length > 0;
  keepAtEnd(scroll, () => {
    const known = new Set([...thread.children].map((row) => row.getAttribute("data-id")));
    for (const { id, side, body, at } of messages) {
      if (known.has(id)) continue;
      thread.append(
        element(
          "li",
          { className: `text ${side}`, "data-id": id },
          element("div", { className: "bubble", text: body }),
          element("p", { className: "meta", text: shortTime(at) }),
        ),
      );
    }
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { number, sender } = shown;
  const body = field.value;
  if (body.trim() === "") return;
  error.textContent = "";
  clear();
  try {
    await call(`/phone/${encodeURIComponent(number)}/messages`, { to: sender, body });
  } catch (failure) {
    error.textContent = failure.message;
    if (field.value === "") field.value = body;
  }
});

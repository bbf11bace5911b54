import { byId, element, shortTime } from "./dom.js";

const list = byId("conversations");

/** Shows the conversations, newest activity first. */
export function showConversations(conversations, currentId, open) {
  byId("list-empty").hidden = conversations.length > 0;
  const focused = document.activeElement?.getAttribute?.("data-conversation");
  list.replaceChildren(
    ...conversations.map((conversation) => {
      const button = element(
        "button",
        {
          type: "button",
          "data-conversation": conversation.id,
          "aria-current": String(conversation.id === currentId),
        },
        element("span", { className: "who", text: conversation.participant }),
        element("time", { className: "when", text: shortTime(conversation.updatedAt) }),
        previewOf(conversation),
      );
      button.addEventListener("click", () => open(conversation.id));
      return element("li", {}, button);
    }),
  );
  if (focused) list.querySelector(`[data-conversation="${CSS.escape(focused)}"]`)?.focus();
}

function previewOf({ paused, lastMessage }) {
  const preview = element("span", { className: "preview" });
  if (paused) preview.append(element("span", { className: "badge", text: "taken over" }));
  const prefix = lastMessage?.direction === "outbound" ? "You: " : "";
  preview.append(lastMessage ? prefix + (lastMessage.body || "[attachment]") : "");
  return preview;
}

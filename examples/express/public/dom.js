/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Makes an element. Texts are set as text, so that the browser never reads a person's text as HTML. */
export function element(name, { className = "", text = "", ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  if (text !== "") made.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

/** `14:05` today, else `3 Nov`. */
export function shortTime(ms) {
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday
    ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString([], { day: "numeric", month: "short" });
}

/** Changes the content of a scrolling element. If the reader was at its end, the element stays at its end. */
export function keepAtEnd(scroll, change) {
  const wasAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  change();
  if (wasAtEnd) scroll.scrollTop = scroll.scrollHeight;
}

/** Enter sends, Shift+Enter begins a new line. The field grows with its text. */
export function sendsOnEnter(field) {
  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  };
  field.addEventListener("input", fit);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit();
  });
  return () => {
    field.value = "";
    fit();
  };
}

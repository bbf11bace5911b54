const STORED = "ownline-secret";

/** A failure that the Worker, or the way to it, reports. Its message is meant for the person at the page. */
class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** `npm run dev` prints an address with the secret after the #. A browser does not send that part to any server. */
export function takeSecretFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("secret");
  if (given === null) return;
  setSecret(given);
  history.replaceState(null, "", location.pathname);
}

export function setSecret(secret) {
  sessionStorage.setItem(STORED, secret);
}

export function hasSecret() {
  return sessionStorage.getItem(STORED) !== null;
}

/** Calls the Worker's API; JSON in and out. */
export async function call(path, body) {
  const headers = { authorization: `Bearer ${sessionStorage.getItem(STORED) ?? ""}` };
  const post = { method: "POST", headers: { ...headers, "content-type": "application/json" } };
  let response;
  try {
    response = await fetch(path, body === undefined ? { headers } : { ...post, body: JSON.stringify(body) });
  } catch {
    throw new ApiError(
      0,
      "offline",
      "The Worker cannot be reached. Your text is still here: send it again in a moment.",
    );
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { code = "internal", message = `The Worker answered HTTP ${response.status}.` } = answer.error ?? {};
  throw new ApiError(response.status, code, message);
}

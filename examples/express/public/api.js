/** The server's refusal, in words for the person at the page. */
class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Calls the server's API; JSON in and out. */
export async function call(path, body) {
  let response;
  try {
    response = await fetch(`/api${path}`, {
      ...(body !== undefined && {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    });
  } catch {
    throw new ApiError("offline", "The server cannot be reached. Your text is still here: send it again in a moment.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { code = "internal", message = `The server answered HTTP ${response.status}.` } = answer.error ?? {};
  throw new ApiError(code, message);
}

/** The page's own id for a text, so that sending it twice stores it once. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

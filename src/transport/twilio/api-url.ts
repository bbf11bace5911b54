/** The option that allows `http:` to another machine. Its name is conspicuous, so that a review finds it. */
export const UNSAFE_HTTP = "unsafeHttpApiUrl";

// The hosts that stay on this machine, https://www.rfc-editor.org/rfc/rfc6761#section-6.3
const LOOPBACK = /^(?:localhost|(?:[\w-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/**
 * The fault of the REST API's base URL, with its remedy; `undefined` where there is none. Each request carries the
 * account's credentials and people's texts. So an `http:` URL must stay on this machine, unless the option allows
 * another.
 */
export function apiUrlFault(apiUrl: unknown, { allowHttp }: { readonly allowHttp: boolean }): string | undefined {
  const url = typeof apiUrl === "string" && URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:") || url.search || url.hash) {
    return "apiUrl must be an http or https URL without a query: leave it out for https://api.twilio.com";
  }
  if (url.username !== "" || url.password !== "") {
    return "apiUrl contains a user name or a password: remove it, because the requests carry accountSid and authToken, or the API key";
  }
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname) && !allowHttp) {
    return `apiUrl is http: and leads off this machine, so the auth token and the texts would travel unencrypted: use https:, or set ${UNSAFE_HTTP}: true where your own network carries them, such as a network of containers (http://emulator:4010)`;
  }
  return undefined;
}

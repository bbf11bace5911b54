/** The option that allows `http:` to another machine. Loud, so that a review finds it. */
export const UNSAFE_HTTP = "unsafeHttpApiUrl";

// The hosts that stay on this machine, https://www.rfc-editor.org/rfc/rfc6761#section-6.3
const LOOPBACK = /^(?:localhost|(?:[\w-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/**
 * What is wrong with the base URL of the REST API, with its remedy; `undefined` where nothing is. Each request carries
 * the account's credentials and people's texts, so `http:` may not leave this machine unless that is allowed.
 */
export function apiUrlFault(apiUrl: unknown, { allowHttp }: { readonly allowHttp: boolean }): string | undefined {
  const url = typeof apiUrl === "string" && URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:") || url.search || url.hash) {
    return "apiUrl must be an http or https URL without a query: leave it out for https://api.twilio.com";
  }
  if (url.username !== "" || url.password !== "") {
    return "apiUrl has a user name or a password in it: take it out; the requests carry accountSid and authToken, or the API key";
  }
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname) && !allowHttp) {
    return `apiUrl is http: and leads off this machine, so the auth token and the texts would travel unencrypted: use https:, or set ${UNSAFE_HTTP}: true where a network of yours carries them, such as that of containers (http://emulator:4010)`;
  }
  return undefined;
}

import { fileURLToPath } from "node:url";
import express, { type Router } from "express";

const PUBLIC = fileURLToPath(new URL("../public/", import.meta.url));

/** The page loads and runs only files of this server. https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CSP */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** The web page: plain HTML, CSS and JavaScript, without a build. */
export function page(): Router {
  const routes = express.Router();
  routes.use((_req, res, next) => {
    res.set({
      "content-security-policy": CONTENT_SECURITY_POLICY,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    next();
  });
  routes.use(express.static(PUBLIC));
  return routes;
}

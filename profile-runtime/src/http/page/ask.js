// Asking the service, below the place this page was got from; what may go wrong, in words.

const PATIENCE = 60e3;
// With or without the slash at its end, and below whatever the service or a proxy has mounted it.
const base = new URL(location.pathname.endsWith("/") ? "./" : `./${location.pathname.split("/").pop()}/`, location.href);

class Problem extends Error {
  // status: 0 where there was no answer. retryAfter: seconds, where the service said so.
  constructor(words, status, retryAfter) {
    super(words);
    Object.assign(this, { status, retryAfter });
  }
}

const token = {
  name: `profile-cost token ${base.pathname}`,
  value: "",
  load() {
    // Storage may be forbidden: then it is kept as long as the page.
    try { this.value = sessionStorage.getItem(this.name) || ""; } catch { /* none */ }
  },
  set(value) {
    this.value = value;
    try {
      if (value) sessionStorage.setItem(this.name, value);
      else sessionStorage.removeItem(this.name);
    } catch { /* none */ }
  },
};
token.load();

function problemOf(response, text) {
  const said = text.trim().slice(0, 400);
  const retryAfter = Number(response.headers.get("retry-after")) || 0;
  const words = {
    401: token.value ? "The service does not take this token." : "The service wants its token.",
    403: `Refused: ${said || "forbidden"}`,
    404: "The service does not offer this.",
    409: `Not now: ${said || "it is in another state"}`,
    429: `Busy: ${said || "too many requests"}`,
  }[response.status] || `The service answered ${response.status}${said ? `: ${said}` : ""}`;
  return new Problem(words, response.status, response.status === 429 ? Math.max(1, retryAfter) : 0);
}

// Without what the browser knows of itself, or it would open its own window for a password where a token is wanted. A
// proxy that lets only those in who have signed in is given what it wants.
let credentials = "omit";

function isOfProxy(response) {
  const challenge = response.headers.get("www-authenticate") || "";
  return response.type === "opaqueredirect" || response.status === 403
    || (response.status === 401 && !/^bearer|profile-cost/i.test(challenge));
}

async function ask(method, path, query = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) if (value !== "") url.searchParams.set(name, value);
  const headers = token.value ? { authorization: `Bearer ${token.value}` } : {};
  let response, text;
  try {
    // A redirect would be a proxy's page to sign in at, which is no answer.
    response = await fetch(url, { method, headers, credentials, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    text = await response.text();
  } catch (error) {
    throw new Problem(error.name === "TimeoutError" ? `No answer in ${PATIENCE / 1000} seconds.`
      : "The service does not answer. Is it still running, is the port still forwarded?", 0, 0);
  }
  if (credentials === "omit" && isOfProxy(response)) {
    credentials = "same-origin";
    return ask(method, path, query);
  }
  if (response.type === "opaqueredirect") throw new Problem("Sent elsewhere, perhaps to sign in: load the page again.", 0, 0);
  if (!response.ok) throw problemOf(response, text);
  return text;
}

async function askJson(path, query) {
  const text = await ask("GET", path, query);
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem("The answer is not the JSON it should be.", 200, 0);
  }
}

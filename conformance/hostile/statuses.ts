// Scenarios of the hostile origin whose status is what matters: errors, retries and redirects.

import { type Exchange, end, errorPage, honest, repeat, type Scenario, send } from "./wire.ts";

export const statuses = {
  // Statuses.
  /** Always the status, with a page. */
  status: ({ socket, argument }) => end(socket, Number(argument), {}, errorPage),
  /** The status, with the true file as its body. */
  "true-body": ({ socket, body, argument }) => end(socket, Number(argument), {}, body),
  /** 410 for images but the one whose digest the argument names. */
  "all-gone-but": (exchange) =>
    ["manifest", `store/${exchange.argument}`].includes(exchange.request.file)
      ? honest(exchange)
      : end(exchange.socket, 410, {}, errorPage),
  /** The status once, with `Retry-After: 1`, then honest. */
  "soon-again": (exchange) =>
    exchange.count === 1
      ? end(exchange.socket, Number(exchange.argument), { "Retry-After": "1" }, errorPage)
      : honest(exchange),
  /** 503 as many times as the argument says, then honest. */
  busy: (exchange) =>
    exchange.count <= Number(exchange.argument) ? end(exchange.socket, 503) : honest(exchange),
  /** 429 with this `Retry-After` (percent-encoded) once, then honest. */
  "retry-after": (exchange) => retryAfter(exchange, decodeURIComponent(exchange.argument)),
  /** The same with a date, as many seconds from now as the argument says. */
  "retry-in": (exchange) => {
    const date = new Date(Date.now() + 1000 * Number(exchange.argument));
    retryAfter(exchange, date.toUTCString());
  },
  /** 103 (RFC 8297), and then the honest answer. */
  "early-hints": (exchange) => {
    exchange.socket.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    honest(exchange);
  },
  /** One 100 after the other, and no answer. */
  "endless-continue": ({ socket }) => repeat(socket, 5, () => "HTTP/1.1 100 Continue\r\n\r\n"),
  /** The content, with a status line that is as long as the argument says. */
  "long-status": ({ socket, body, argument }) => {
    socket.write(`HTTP/1.1 200 ${"x".repeat(Number(argument))}\r\nConnection: close\r\n\r\n`);
    socket.end(body);
  },

  // Redirects.
  /** The status, to the honest origin. */
  redirect: ({ socket, request, argument }) => {
    end(socket, Number(argument), { Location: `/honest/${request.file}` }, errorPage);
  },
  /** To this URL (percent-encoded), `{}` standing for the server's own. */
  "redirect-to": ({ socket, argument, url }) => {
    end(socket, 302, { Location: decodeURIComponent(argument).replace("{}", url) });
  },
  /** As many redirects as the argument says, then honest. */
  hops: (exchange) => {
    const left = Number(exchange.argument);
    if (left === 0) return honest(exchange);
    end(exchange.socket, 302, { Location: `/hops=${left - 1}/${exchange.request.file}` });
  },
  /** To itself, for ever. */
  loop: ({ socket, request }) =>
    end(socket, 302, { Location: `/${request.scenario}/${request.file}` }),
  "no-location": ({ socket }) => end(socket, 302),
  /** To a page that is not there, whose path is the password of the request, as the argument says. */
  "tell-password": ({ socket, request, argument }) => {
    const [, pair = ""] = (request.headers["authorization"] ?? "").split(" ");
    const password = Buffer.from(pair, "base64")
      .toString()
      .replace(/^[^:]*:/, "");
    const percent = Buffer.from(password).toString("hex").replace(/../g, "%$&");
    const targets: Readonly<Record<string, string>> = {
      percent: `/status=404/${percent}`,
      base64: `/status=404/${pair}`,
      file: `file:///${password}`,
    };
    end(socket, 302, { Location: targets[argument] ?? `/status=404/${password}` });
  },
  /** A redirect whose body never ends. */
  "endless-redirect": ({ socket, request }) => {
    send(socket, 302, { Location: `/honest/${request.file}` });
    repeat(socket, 5, () => "x".repeat(1024));
  },
} satisfies Record<string, Scenario>;

function retryAfter(exchange: Exchange, value: string): void {
  if (exchange.count === 1) end(exchange.socket, 429, { "Retry-After": value });
  else honest(exchange);
}

// By which proxy a request goes: what the usual variables say, in the way that curl and Bun read them
// (ORG-130 to ORG-132). It is chosen here, and not by the runtime, so that an error can name it.

import { BlockList, isIPv4, isIPv6 } from "node:net";
import { type Credentials, decodePercent } from "../../core/origin-url.ts";
import type { Fail } from "./origin-error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface HttpProxy {
  /** With user and password, as fetch takes it. */
  readonly href: string;
  /** Without them, for people and logs. */
  readonly shown: string;
  /** The variable that names it. */
  readonly variable: string;
  /** Whether it only passes on what is encrypted, so that any answer to the request is the server's. */
  readonly isTunnel: boolean;
  /** Who it is told that asks: one, or none. */
  readonly credentials: readonly Credentials[];
}

/**
 * The proxy for a request, `undefined` when it goes straight to its target.
 *
 * @throws OriginError for a variable that names no proxy of a kind that Tako knows
 */
export function proxyFor(target: URL, environment: Environment, fail: Fail): HttpProxy | undefined {
  const scheme = target.protocol.slice(0, -1);
  const given = firstOf(environment, [`${scheme}_proxy`, "all_proxy"]);
  if (given === undefined || isExcepted(target, environment)) return undefined;
  const [variable, value] = given;
  const url = parseProxy(value);
  if (url === null) {
    // The value is not shown: a mistyped one may hold a password anywhere.
    throw fail(`${variable} names no proxy that Tako can use`, {
      rule: "ORG-131",
      hint: "Write it as http://host:port or https://host:port; SOCKS is not supported.",
    });
  }
  const shown = `${url.protocol}//${url.host}`;
  const isTunnel = scheme === "https";
  return { href: url.href, shown, variable, isTunnel, credentials: credentialsIn(url) };
}

/** How fetch is told to do as Tako says, and nothing by itself, whatever is in the environment. */
export function fetchOptions(proxy: HttpProxy | undefined) {
  return {
    decompress: false,
    redirect: "manual",
    timeout: false,
    // Else the runtime would choose one by itself, or none without a word (ORG-131).
    proxy: proxy?.href ?? false,
    // Else BUN_CONFIG_VERBOSE_FETCH in the environment would print the password.
    verbose: false,
    // Else NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch checking off.
    tls: { rejectUnauthorized: true },
  } as const;
}

/** User and password of each proxy that a variable names, however it is written: curl reads more forms than Tako. */
export function proxyCredentials(environment: Environment): readonly Credentials[] {
  return Object.entries(environment)
    .filter(([name]) => /_proxy$/i.test(name))
    .flatMap(([, value = ""]) => {
      const [, user = "", password = ""] = /^(?:[^:/]*:\/\/)?([^:]*):?(.*)@/s.exec(value) ?? [];
      return user + password === "" ? [] : [{ user, password }];
    })
    .flatMap((raw) => [raw, { user: decoded(raw.user), password: decoded(raw.password) }]);
}

function decoded(text: string): string {
  return decodePercent(text) ?? text;
}

function credentialsIn({ username, password }: URL): readonly Credentials[] {
  if (username === "" && password === "") return [];
  return [{ user: decoded(username), password: decoded(password) }];
}

/** The first variable that is there and not empty; lower case comes before upper case. */
function firstOf(
  environment: Environment,
  names: readonly string[],
): readonly [name: string, value: string] | undefined {
  for (const name of names.flatMap((each) => [each, each.toUpperCase()])) {
    const value = environment[name];
    if (value) return [name, value];
  }
  return undefined;
}

function parseProxy(value: string): URL | null {
  const text = value.trim();
  if (/^https?:\/\//i.test(text)) return URL.parse(text);
  if (text.includes("://")) return null;
  // `host:port` is one of http. In `http:/host` the parser would take `http` for the host.
  const url = URL.parse(`http://${text}`);
  return url?.pathname === "/" ? url : null;
}

/** Whether `NO_PROXY` names the target: a host and all below it, an address, a network, or `*`. */
function isExcepted({ hostname, port, protocol }: URL, environment: Environment): boolean {
  const host = bareHost(hostname);
  const hostPort = `:${port || (protocol === "https:" ? "443" : "80")}`;
  const list = firstOf(environment, ["no_proxy"])?.[1] ?? "";
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*") return true;
      if (entry.includes("/")) return isInNetwork(host, entry);
      const name =
        entry.endsWith(hostPort) && !isIPv6(entry) ? entry.slice(0, -hostPort.length) : entry;
      const suffix = bareHost(name.replace(/^\*?\./, ""));
      return suffix !== "" && (host === suffix || (!isIPv4(host) && host.endsWith(`.${suffix}`)));
    });
}

/** Without the brackets of an IPv6 address and the final dot of a name. */
function bareHost(name: string): string {
  return name.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

function isInNetwork(host: string, network: string): boolean {
  const [address = "", bits = ""] = network.split("/");
  const family = isIPv4(address) ? "ipv4" : "ipv6";
  const isNetwork = /^\d+$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128);
  if (!isNetwork || !(isIPv4(address) || isIPv6(address))) return false;
  if (family === "ipv4" ? !isIPv4(host) : !isIPv6(host)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family);
  return list.check(host, family);
}

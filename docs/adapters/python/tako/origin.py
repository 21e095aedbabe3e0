"""Origin URLs: spec/config.md, CFG-20 to CFG-28."""

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import unquote_to_bytes

from .errors import TakoError

# Schemes and the ports that they have by themselves (CFG-28); the others keep what was written.
OWN_PORT = {"https": 443, "http": 80, "ftp": 21, "sftp": None, "scp": None, "ftps": None}

# RFC 3986, sections 2 and 3, without query and fragment.
CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
URL = re.compile(
    rf"""
    (?P<scheme> [A-Za-z]+ ) ://
    (?: (?P<user> {CHARACTER}* ) (?: : (?P<password> (?: {CHARACTER} | : )* ) )? @ )?
    (?P<host> \[ [0-9A-Fa-f:.]+ \] | {CHARACTER}* )
    (?: : (?P<port> [0-9]* ) )?
    (?P<path> (?: / (?: {CHARACTER} | [:@] )* )* )
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Origin:
    url: str  # as used and stored: without credentials and slashes at the end (CFG-25, CFG-27)
    credentials: tuple[str, str] | None = None  # user and password


def parse_origin(text: str) -> Origin:
    if not re.fullmatch(r"[!-~]*", text) or "\\" in text:
        raise _error("CFG-21", "a URL is printable ASCII without white space and backslash")
    if "?" in text or "#" in text:
        raise _error("CFG-22", "the URL of an origin has no query and no fragment")
    url = URL.fullmatch(text)
    if url is None:
        raise _error("CFG-20", "this is no URL of the form SCHEME://HOST/PATH")
    scheme = url["scheme"].lower()
    if scheme == "file":
        return _file_origin(url)
    if scheme not in OWN_PORT:
        raise _error("CFG-20", "the scheme is none of https, http, sftp, scp, ftp, ftps and file")
    host = _host(url["host"])
    if OWN_PORT[scheme] is not None:
        host = host.lower()
    port = _port(url["port"], OWN_PORT[scheme])
    return Origin(f"{scheme}://{host}{port}{url['path'].rstrip('/')}", _credentials(url))


def _file_origin(url: re.Match[str]) -> Origin:
    if url["user"] is not None or url["port"] is not None:
        raise _error("CFG-23", "a file URL has no user and no port")
    if url["host"].lower() not in ("", "localhost") or not url["path"]:
        raise _error("CFG-23", "a file URL has an absolute path and no host")
    path = _percent_decoded(url["path"], "CFG-23")
    if "\0" in path or re.match(r"/[A-Za-z][:|]", url["path"]):
        raise _error("CFG-23", "the path of a file URL has no NUL and no drive letter")
    return Origin(f"file://{url['path'].rstrip('/')}")


def _credentials(url: re.Match[str]) -> tuple[str, str] | None:
    if url["user"] is None:
        return None
    user = _percent_decoded(url["user"], "CFG-24")
    password = _percent_decoded(url["password"] or "", "CFG-24")
    if any(unicodedata.category(character) == "Cc" for character in user + password):
        raise _error("CFG-24", "user and password have no control characters")
    if ":" in user:
        raise _error("CFG-24", "the user has no colon")
    return user, password


def _host(host: str) -> str:
    if not host:
        raise _error("CFG-20", "the host is missing")
    if host.startswith("["):
        try:
            IPv6Address(host[1:-1])
        except ValueError as error:
            raise _error("CFG-20", "this is no IPv6 address") from error
    return host


def _port(port: str | None, own: int | None) -> str:
    if not port:
        return ""
    if len(port) > 5 or int(port) > 65535:
        raise _error("CFG-20", "a port is at most 65535")
    return "" if int(port) == own else f":{int(port)}"


def _percent_decoded(text: str, rule: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _error(rule, "what is percent-encoded is not UTF-8") from error


def _error(rule: str, message: str) -> TakoError:
    return TakoError("config", rule, message)

"""Ed25519 keys and signatures: spec/keys.md.

OpenSSL, which does the signing here, takes public keys that the specification refuses: points of
small order and encodings that are not canonical. So keys are checked here, in plain integers,
before OpenSSL sees them.
"""

import base64
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .errors import TakoError

# RFC 8032, section 5.1: the field, the order of the group, and the curve -x^2 + y^2 = 1 + d x^2 y^2.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)

Point = tuple[int, int]


@dataclass(frozen=True)
class PublicKey:
    text: str
    data: bytes


@dataclass(frozen=True)
class SecretKey:
    public: PublicKey
    text: str = field(repr=False)  # without white space (KEY-7), and not shown (KEY-14)
    _signer: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message)


def parse_public_key(text: str) -> PublicKey:
    data = decode_base64(text)
    if data is None or len(data) != 32:
        raise TakoError("key", "KEY-1", "a public key is the canonical base64 of 32 bytes")
    point = _decode_point(data)
    if point is None or _has_small_order(point):
        raise TakoError("key", "KEY-2", "this is no point of the curve that can be a public key")
    return PublicKey(text, data)


def parse_secret_key(text: str) -> SecretKey:
    word = text.strip(" \t\r\n")  # KEY-6 names these four; strip() alone takes many more
    data = decode_base64(word.removeprefix("SECRET+"))
    if not word.startswith("SECRET+") or data is None or len(data) != 96:
        raise TakoError("key", "KEY-4", "a secret key is SECRET+ and the base64 of 96 bytes")
    signer = Ed25519PrivateKey.from_private_bytes(data[:32])
    public = signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if data[32:] != public * 2:
        raise TakoError("key", "KEY-5", "the public keys in it are not that of its seed")
    return SecretKey(PublicKey(encode_base64(public), public), word, signer)


def verify(signature: bytes, message: bytes, key: PublicKey) -> bool:
    """KEY-9 to KEY-11. KEY-12 holds since there is no PublicKey that breaks KEY-2."""
    if len(signature) != 64:
        return False
    if int.from_bytes(signature[32:], "little") >= L or _decode_point(signature[:32]) is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.data).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def decode_base64(text: str) -> bytes | None:
    """Canonical padded base64 (KEY-1), or None.

    Python's decoder ignores unused bits and, without `validate`, foreign characters. What is
    canonical is what the encoder would have written.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if encode_base64(data) == text else None


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode_point(data: bytes) -> Point | None:
    """RFC 8032, section 5.1.3, and nothing but canonical encodings."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    # x^2 = u / v. The candidate for its root is right, wrong by a factor sqrt(-1), or there is none.
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * SQRT_MINUS_1 % P
    if v * x * x % P != u or (x == 0 and sign == 1):
        return None
    return (x if x % 2 == sign else P - x), y


def _has_small_order(point: Point) -> bool:
    """Whether 8 times the point is the neutral element: its order is then 1, 2, 4 or 8."""
    for _ in range(3):
        point = _double(point)
    return point == (0, 1)


def _double(point: Point) -> Point:
    x, y = point
    difference = (y * y - x * x) % P  # which is 1 + d x^2 y^2, for a point of the curve
    return (
        2 * x * y * pow(difference, -1, P) % P,
        (y * y + x * x) * pow(2 - difference, -1, P) % P,
    )

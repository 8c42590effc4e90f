"""Cache keys: a digest of named parts.

In: parts by name, of plain types. Out: the sha256 of all of them, in hexadecimal. The order in which parts are named
does not matter; every name, type and value does, so that two different sets of parts never share a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

try:  # OpenSSL's sha256 takes 4 ms to import; the interpreter's own none
    from _sha2 import sha256  # type: ignore[import-not-found, unused-ignore]  # Python 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from hashlib import sha256

KeyPart: TypeAlias = str | bytes | int | bool | tuple["KeyPart", ...] | None


def cache_key(parts: Mapping[str, KeyPart]) -> str:
    """The sha256 digest, in hexadecimal, of the named parts."""
    encoded = b"".join(_encode(name) + _encode(parts[name]) for name in sorted(parts))
    return digest_of(encoded)


def digest_of(data: bytes) -> str:
    """The sha256 digest of the bytes, in hexadecimal."""
    return str(sha256(data).hexdigest())


def _encode(part: KeyPart) -> bytes:
    """The part, its type and its length: no two parts share an encoding, and none is the start of another's."""
    if isinstance(part, tuple):
        kind, body = b"t", b"".join(_encode(item) for item in part)
    elif isinstance(part, str):
        kind, body = b"s", part.encode("utf-8", "surrogatepass")
    elif isinstance(part, bytes):
        kind, body = b"y", part
    elif isinstance(part, bool):
        kind, body = b"b", b"1" if part else b"0"
    elif isinstance(part, int):
        kind, body = b"i", str(part).encode()
    elif part is None:
        kind, body = b"n", b""
    else:
        raise TypeError(
            f"a cache key part must be str, bytes, int, bool, None or a tuple of those, not {type(part).__name__}"
        )
    return b"%s%d:%s" % (kind, len(body), body)

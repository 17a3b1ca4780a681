"""RSA keys that are used again in later tests: to generate one takes longer than many tests do."""

import itertools
from collections import defaultdict
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.rsa_keys import KeySource, fresh_key


def used_keys() -> KeySource:
    """Return a source that never gives a key twice; another source may give the same keys."""
    numbers: defaultdict[int, itertools.count[int]] = defaultdict(itertools.count)
    return lambda bits: _numbered(bits, next(numbers[bits]))


@cache
def _numbered(bits: int, _number: int) -> rsa.RSAPrivateKey:
    return fresh_key(bits)

"""RSA keys that one world after the other is given: to generate one takes longer than many a test."""

import itertools
from collections import defaultdict
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.rsa_keys import KeySource, fresh_key


def used_keys() -> KeySource:
    """Return a source for one world: no key of it comes twice, but in another world each may come again."""
    numbers: defaultdict[int, itertools.count[int]] = defaultdict(itertools.count)
    return lambda bits: _numbered(bits, next(numbers[bits]))


@cache
def _numbered(bits: int, _number: int) -> rsa.RSAPrivateKey:
    return fresh_key(bits)

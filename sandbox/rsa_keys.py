"""Where the sandbox has its RSA keys from: generated one by one, unless somebody brings others."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa

type KeySource = Callable[[int], rsa.RSAPrivateKey]


def fresh_key(bits: int) -> rsa.RSAPrivateKey:
    """Return a key that nobody else has."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)

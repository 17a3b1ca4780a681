"""Tokens for Graph, certificates and signing keys, cached and bounded.

For other packages: ``graph_credential``, ``DelegatedCredential``, ``TokenCaches``, ``sign_in``, ``Certificate``,
``Certificates``, ``SigningKeys``.
"""

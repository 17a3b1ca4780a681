"""Tokens for Graph, certificates and signing keys, cached and bounded.

For other packages: ``graph_credential``, ``UserCredential``, ``LoginStore``, ``sign_in``, ``Certificate``,
``CertificateVersions``, ``SigningKeys``.
"""

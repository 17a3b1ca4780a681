"""Bytes in, authentic notifications and their decrypted content out.

For other packages: ``ChangeNotificationCollection``, ``ChangeNotification``, ``Authentic``, ``authenticate``,
``sign_client_state``, ``ValidationTokens``, ``Audience``, ``SigningKey``, ``Content``, ``decrypt``, ``load_json``,
``to_json``.
"""

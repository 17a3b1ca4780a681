"""Graph's change notifications: parsed, authenticated and decrypted.

For other packages: ``ChangeNotificationCollection``, ``ChangeNotification``, ``AuthenticItem``,
``AuthenticNotification``, ``authenticate``, ``notification_in``, ``sign_client_state``, ``ValidationTokens``,
``Vouchers``, ``ExpectedToken``, ``SigningKey``, ``ResourceContent``, ``decrypt``, ``parse_json``, ``to_json``,
``CHANGE_TRACKING_APP_ID``, ``MAX_TEXT``, ``dump_json``, ``unwrap_key``.
"""

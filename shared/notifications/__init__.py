"""Graph's change notifications: parsed, authenticated and decrypted.

For other packages: ``ChangeNotificationCollection``, ``ChangeNotification``, ``AuthenticNotification``,
``authenticate``, ``sign_client_state``, ``ValidationTokens``, ``ExpectedToken``, ``SigningKey``, ``ResourceContent``,
``decrypt``, ``parse_json``, ``to_json``, ``CHANGE_TRACKING_APP_ID``, ``MAX_TEXT``.
"""

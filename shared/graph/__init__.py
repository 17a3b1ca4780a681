"""Graph's subscriptions, lists and resources in one tenant.

For other packages: ``Graph``, ``Page``, ``Subscription``, ``split_change_types``, ``Location``, ``ApiVersion``,
``api_version``.
"""

"""Graph's subscriptions, lists and resources in one tenant.

For other packages: ``Graph``, ``Page``, ``GraphSubscription``, ``split_change_types``, ``ResourceLocation``,
``ApiVersion``, ``api_version``.
"""

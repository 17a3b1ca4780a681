"""Keeps the desired subscriptions alive at Graph: ``desired``, then ``plan``, ``apply`` and ``subscription_table``.

For other packages: ``Reconciler``, ``Account``, ``SubscriptionTable``, ``ActivityRecorder``, ``desired_from_json``,
``TrackedSubscription``, ``AppliedSubscription``, ``DesiredSubscription``, ``TrackedSubscriptions``.
"""

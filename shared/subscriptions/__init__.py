"""The desired subscriptions are kept alive at Graph: what is desired, the plan, and its application.

For other packages: ``Reconciler``, ``Account``, ``SubscriptionTable``, ``ActivityRecorder``, ``desired_from_json``,
``TrackedSubscription``, ``AppliedSubscription``, ``DesiredSubscription``, ``TrackedSubscriptions``.
"""

"""Teams resources: how paths are spelled, which subscriptions are valid, and the table of what Graph allows.

Read ``paths``, ``validation``, ``catalogue``, in this order.

For other packages: ``canonical_path``, ``subject_of``, ``type_name_of``, ``is_created_once``, ``find_resource_type``,
``is_beta``, ``validation_errors``.
"""

"""The one spelling of a path, the type it leads to, and what Graph allows there.

For other packages: ``canonical_path``, ``subject_of``, ``type_name_of``, ``is_created_once``, ``is_beta``,
``find_resource_type``, ``validation_errors``.
"""

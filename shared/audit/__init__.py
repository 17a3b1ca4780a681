"""A sample of messages is read back once a day and compared with what was published: the measure of completeness.

Graph does not say what it drops. An ``audit`` is one check of one path of the catalogue in one tenant: it draws lists
(``draw``), has them read (``list_check``), and publishes what has no record. ``eligible`` says what can be checked;
``audit_table`` keeps how far each audit is, ``records`` since when there are records, and ``audit_run`` is the step of
the timer.

For other packages: ``Audits``, ``AuditTable``, ``checked_records``, ``requested_audit``.
"""

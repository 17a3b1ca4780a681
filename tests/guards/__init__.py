"""The guards of the product as data, and the command that removes them in turn: ``python -m tests.guards``.

Coverage is no measure of a check: a check that is deleted leaves nothing uncovered. Here each guard names the test that
fails without it.
"""

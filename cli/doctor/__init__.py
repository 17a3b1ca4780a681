"""``python -m cli doctor``: what is wrong with a deployment, in order of dependence, each with its remedy.

A check is a function from a ``Case`` to a ``Finding``; ``checks.CHECKS`` has all of them. They change nothing.
"""

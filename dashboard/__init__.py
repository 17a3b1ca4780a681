"""The live page: how the app is, at a glance, in a browser on this machine. It needs nothing else of the repository.

``snapshot`` is what it shows, ``source`` where that comes from (a sandbox, or an app in Azure), ``server`` serves it.
"""

"""Graph's GETs of what subscriptions are about: single items, and the lists with which an app catches up.

Only what an app needs for that is served, to applications and with their options; everything else is refused.
Source: https://learn.microsoft.com/en-us/graph/api/resources/teams-api-overview
"""

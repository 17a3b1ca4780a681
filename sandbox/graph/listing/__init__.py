"""The lists of Graph with which an app catches up: windows of messages, delta queries, and who and what there is.

Source: https://learn.microsoft.com/en-us/graph/api/resources/teams-api-overview
"""

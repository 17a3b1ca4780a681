"""The live page of an app in Azure, from an operator's own login."""

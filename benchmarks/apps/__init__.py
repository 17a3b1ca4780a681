"""The app of a source tree on the sandbox's host: what its process costs, by what is posted and what the timer does."""

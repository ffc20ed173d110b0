"""Pieces of work on the processors of this machine or a cluster, and what keeps those that are finished."""

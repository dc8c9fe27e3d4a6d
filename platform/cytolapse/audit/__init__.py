"""Auditing silver truth: where independent models agree with each other against the silver mask, ranked."""

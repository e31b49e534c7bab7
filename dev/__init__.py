"""Commands for contributors: generated documents, the message catalogue, licences.

The service never imports this package.
"""

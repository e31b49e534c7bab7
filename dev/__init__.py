"""What contributors run and the service never does: generated documents, the catalogue, the
licences.
"""

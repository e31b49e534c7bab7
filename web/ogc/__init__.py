"""OGC API - Features: the layers for GIS clients, at /ogc."""

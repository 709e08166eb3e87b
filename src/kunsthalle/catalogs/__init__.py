"""Private catalogs: offerings, versions, sharing, exclusivity, reclamation."""

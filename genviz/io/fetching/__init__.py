"""Public data: manifests, licences, downloads that go on where they stopped."""

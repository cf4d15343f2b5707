"""Files that come with the package: digits, networks, and the conversion of photographs."""

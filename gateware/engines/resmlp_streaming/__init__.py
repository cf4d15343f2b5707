"""ResMLP with a stage for each matrix: `engine` declares it."""

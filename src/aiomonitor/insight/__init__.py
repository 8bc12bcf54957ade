"""What the figures mean: pure functions over the model, which explain instead of listing."""

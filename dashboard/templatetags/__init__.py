"""What templates can say: `words` for values, `parts` for components, `frame`, `disk`."""

"""The papers that a community hands up: what stands in each, and files of them."""

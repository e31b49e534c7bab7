"""What a dispatcher keeps at the desk: saved filters, templates of answers."""

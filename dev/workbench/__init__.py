"""What the commands in dev/ share."""

"""Running anything long: specifications, child processes, what is recorded of them. No Qt."""

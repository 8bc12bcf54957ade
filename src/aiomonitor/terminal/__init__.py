"""Text clients: telnet, nc and the command-line client."""

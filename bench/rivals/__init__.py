"""What the program is compared with: the limit of the tools, and the usual way to use them."""

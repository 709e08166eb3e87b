"""Images: import, life, holds, operating systems."""

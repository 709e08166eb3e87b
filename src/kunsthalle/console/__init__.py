"""The web console: pages made on the server, from what the API answers to the one who is signed in."""

"""The `ibmcloud` command as scripts know it (reference/cli.md): it talks HTTP to any server, and no rule lives here."""

"""Instance groups: members made of a template, their count held; managers that change the count by the clock."""

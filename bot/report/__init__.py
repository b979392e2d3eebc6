"""What happened, for people who were not there: the report of an incident, a signed statement, pictures."""

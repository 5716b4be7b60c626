"""The command line: one file per subcommand, which parses, checks, runs and writes."""

# Names that the language does not have, each with the nearest one that it has.

rout "wiki" { # ERROR: Unknown block; There is no block "rout" in the top level. Did you mean "route"?
}

broker { # ERROR: Unknown block; There is no block "broker" in the top level. It belongs into a cluster block.
}

name = "corp" # ERROR: Unknown attribute; There is no attribute "name" in the top level. It belongs into a cluster block.

session = "14h" # ERROR: This is a block; session is a block. Write session { … } without the equals sign.

telemetry {
  log_levle = "info" # ERROR: Unknown attribute; There is no attribute "log_levle" in a telemetry block. Did you mean "log_level"?
  colour    = true   # ERROR: Unknown attribute; There is no attribute "colour" in a telemetry block. Known here are "access_log", "decision_log", "log_format", "log_level" and "traces".
  same_site = "lax"  # ERROR: Unknown attribute; There is no attribute "same_site" in a telemetry block. It belongs into a session block.
  log_format {       # ERROR: This is an attribute; log_format is an attribute. Write log_format = … with an equals sign.
  }
}

admin "local" { # ERROR: Wrong labels; A block admin has no label. Write admin { … }.
}

listen { # ERROR: Wrong labels; A block listen has one label. Write listen "NAME" { … }.
  address = ":1443"
}

listen "two" "labels" { # ERROR: Wrong labels
  address = ":2443"
}

listen "not a name" { # ERROR: Name not allowed; A name begins with a letter or digit
  address = ":3443"
}

listen "twice" {
  address = ":4443"
}

listen "twice" { # ERROR: Duplicate name; There is a listen "twice" already, at
  address = ":5443"
}

authenticate {
  url = "https://auth.example.com"
}

authenticate { # ERROR: Duplicate block; There is an authenticate block already, at
  url = "https://auth.example.org"
}

admin { # ERROR: Duplicate block
  adress = "127.0.0.1:9901" # ERROR: Unknown attribute; There is no attribute "adress" in an admin block. Did you mean "address"?
}

# What the language knows and this version does not act on.

directory "scim" { # ERROR: Not in this version; "directory" is known to the language, but this version of picket does not act on it. Leave it out.
  path = "/.picket/scim/v2"
}

console { # ERROR: Not in this version
}

forward_auth { # ERROR: Not in this version
}

listen "https" {
  address = ":443"
}

identity "google" {
  kind          = "google" # ERROR: Not in this version; Kind "google" is known to the language
  issuer        = "https://accounts.google.com"
  client_id     = "picket"
  client_secret = env("OIDC_CLIENT_SECRET")
  logout        = [
    "rp_initiated",
    "back_channel", # ERROR: Not in this version
    "rp_initated",  # ERROR: Value not allowed; logout is a list of "rp_initiated". Did you mean "rp_initiated"?
  ]
}

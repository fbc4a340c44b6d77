# Who can say who someone is.

authenticate {
  url = "https://auth.example.com/sign_in" # ERROR: Not a usable URL; Only scheme, host and port count here. Leave out "/sign_in"
}

identity "nothing" { # ERROR: Missing attribute; identity "nothing" needs kind # ERROR: Missing attribute; identity "nothing" needs issuer # ERROR: Missing attribute; identity "nothing" needs client_id # ERROR: Missing attribute; identity "nothing" needs client_secret
}

identity "corp" {
  kind          = "odic"                   # ERROR: Value not allowed; kind is "oidc". Did you mean "oidc"?
  issuer        = "http://idp.example.com" # ERROR: Plain http; Whoever is between here and the provider
  client_id     = ""                       # ERROR: Empty value; client_id must not be empty
  client_secret = env("EMPTY")             # ERROR: Empty value; The secret is empty. For a client that has none
  scopes        = ["profile"]              # ERROR: Scope openid is missing
  auth_params   = { prompt = "login", state = "x" } # ERROR: Parameter belongs to picket; picket sets state itself
  ca            = "idp-ca.pem"             # ERROR: Not usable PEM; There is no PEM block CERTIFICATE in this text. Write file("PATH")
  logout        = ["everywhere"]           # ERROR: Value not allowed; logout is a list of "rp_initiated".
}

identity "insecure" {
  kind          = "oidc"
  issuer        = "http://idp.example.com" # WARNING: Sign-in without TLS; Whoever is between here and idp.example.com
  client_id     = "picket"
  client_secret = "in the file" # WARNING: Secret in the configuration
  insecure_http = true
}

identity "elsewhere" {
  kind          = "oidc"
  issuer        = "https://idp.example.com"
  client_id     = "picket"
  client_secret = file(env("PATH_OF_SECRET", "a.hcl")) # a path may stand here
}

identity "needless" {
  kind          = "oidc"
  issuer        = "https://idp.example.com?tenant=1" # ERROR: Not a usable URL; A URL here ends with its path
  client_id     = "picket"
  client_secret = ""
}

identity "secure" {
  kind          = "oidc"
  issuer        = "https://idp.example.com"
  client_id     = "picket"
  client_secret = ""
  insecure_http = true # WARNING: Switch without effect; The issuer has https already.
}

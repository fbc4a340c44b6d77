# What upstreams are told.

route "wiki" {
  from   = "https://wiki.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff

  identity_headers = {
    X-Email                = user.email
    X_Email                = user.email # ERROR: Header not allowed; Servers take "_" and "-" for one another. Write "X-Email".
    x-email                = user.email # ERROR: Header not allowed; X-Email is set by X-Email already.
    "X.Email"              = user.email # ERROR: Header not allowed; X.email is set by X-Email already.
    Connection             = user.email # ERROR: Header not allowed; Connection is for one connection alone
    Host                   = user.email # ERROR: Header not allowed; Host is decided by picket for each request.
    Cookie                 = user.email # ERROR: Header not allowed
    Content-Length         = user.email # ERROR: Header not allowed
    X-Forwarded-For        = user.email # ERROR: Header not allowed
    "X Email"              = user.email # ERROR: Header not allowed; "X Email" is not the name of a header
    X-Picket-Jwt-Assertion = user.email # ERROR: Header not allowed; X-Picket-Jwt-Assertion is set by the assertion already.
  }

  assertion {
    claims   = ["email", "sub"] # ERROR: Claim belongs to picket; picket sets sub itself in every assertion.
    audience = ""               # ERROR: Empty value; audience must not be empty: whom the assertion is for.
    lifetime = "1s"             # ERROR: Out of range; lifetime is at least 10s.
  }
}

route "cookie" {
  from             = "https://cookie.example.com"
  to               = "http://10.0.0.5:8080"
  policy           = policy.staff
  identity_headers = "X-Email" # ERROR: Wrong type; Write an object

  assertion {
    header = "Transfer-Encoding" # ERROR: Header not allowed
  }
}

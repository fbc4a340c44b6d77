# A zone that does not hold a name, and settings that nobody asks for.

listen "https" {
  address = ":443"
  tls     = "auto"
}

acme {
  challenges = [] # ERROR: Empty value; There must be one at least.
  dns        = { server = "ns1.example.com", zone = "example..com" } # ERROR: Name not allowed
}

route "elsewhere" {
  from   = "https://wiki.example.org"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}
